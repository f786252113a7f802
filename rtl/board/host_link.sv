// SPDX-License-Identifier: Apache-2.0
/// Gives a host at the other end of a line of bytes the chip's registers and memory (docs/fpga.md).
///
///   bytes -> receiver (frames with a right CRC) -> executor -> AXI4-Lite, AXI4
///   bytes <- sender <--------------- replies ---------'
///
/// Bytes are taken as they come, one a cycle at most; the host keeps to the window of the protocol.
/// `byte_error_i` pulses in place of a byte that was damaged. Nothing is read or written for a frame
/// whose CRC is not right, and no stream of bytes stops the link.
module host_link #(
  parameter int unsigned PauseCycles = 2000000   // of silence that end a frame
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        irq_i,

  input  logic        byte_valid_i,
  input  logic [7:0]  byte_i,
  input  logic        byte_error_i,
  output logic        byte_valid_o,
  input  logic        byte_ready_i,
  output logic [7:0]  byte_o,

  output logic        m_axil_awvalid_o,
  input  logic        m_axil_awready_i,
  output logic [11:0] m_axil_awaddr_o,
  output logic        m_axil_wvalid_o,
  input  logic        m_axil_wready_i,
  output logic [31:0] m_axil_wdata_o,
  output logic [3:0]  m_axil_wstrb_o,
  input  logic        m_axil_bvalid_i,
  output logic        m_axil_bready_o,
  input  logic [1:0]  m_axil_bresp_i,
  output logic        m_axil_arvalid_o,
  input  logic        m_axil_arready_i,
  output logic [11:0] m_axil_araddr_o,
  input  logic        m_axil_rvalid_i,
  output logic        m_axil_rready_o,
  input  logic [31:0] m_axil_rdata_i,
  input  logic [1:0]  m_axil_rresp_i,

  output logic        m_axi_arvalid_o,
  input  logic        m_axi_arready_i,
  output logic [39:0] m_axi_araddr_o,
  output logic [7:0]  m_axi_arlen_o,
  input  logic        m_axi_rvalid_i,
  output logic        m_axi_rready_o,
  input  logic [63:0] m_axi_rdata_i,
  input  logic [7:0]  m_axi_rdatachk_i,
  input  logic [1:0]  m_axi_rresp_i,
  input  logic        m_axi_rlast_i,
  output logic        m_axi_awvalid_o,
  input  logic        m_axi_awready_i,
  output logic [39:0] m_axi_awaddr_o,
  output logic [7:0]  m_axi_awlen_o,
  output logic        m_axi_wvalid_o,
  input  logic        m_axi_wready_i,
  output logic [63:0] m_axi_wdata_o,
  output logic [7:0]  m_axi_wdatachk_o,
  output logic [7:0]  m_axi_wstrb_o,
  output logic        m_axi_wlast_o,
  input  logic        m_axi_bvalid_i,
  output logic        m_axi_bready_o,
  input  logic [1:0]  m_axi_bresp_i
);
  logic        frame_valid, frame_done, damaged, overrun, reply_start, reply_busy;
  logic [7:0]  frame_opcode, frame_sequence;
  logic [10:0] frame_length, reply_length;
  logic [31:0] frame_addr;
  logic [6:0]  frame_word_addr, reply_word_addr;
  logic [63:0] frame_word, reply_word, reply_header;

  link_receiver #(.PauseCycles(PauseCycles)) u_receiver (
    .clk_i,
    .rst_ni,
    .byte_valid_i,
    .byte_i,
    .byte_error_i,
    .frame_valid_o    (frame_valid),
    .frame_done_i     (frame_done),
    .frame_opcode_o   (frame_opcode),
    .frame_sequence_o (frame_sequence),
    .frame_length_o   (frame_length),
    .frame_addr_o     (frame_addr),
    .word_addr_i      (frame_word_addr),
    .word_o           (frame_word),
    .damaged_o        (damaged),
    .overrun_o        (overrun)
  );

  link_executor u_executor (
    .clk_i,
    .rst_ni,
    .irq_i,
    .frame_valid_i     (frame_valid),
    .frame_done_o      (frame_done),
    .frame_opcode_i    (frame_opcode),
    .frame_sequence_i  (frame_sequence),
    .frame_length_i    (frame_length),
    .frame_addr_i      (frame_addr),
    .word_addr_o       (frame_word_addr),
    .word_i            (frame_word),
    .damaged_i         (damaged),
    .overrun_i         (overrun),
    .line_error_i      (byte_error_i),
    .reply_start_o     (reply_start),
    .reply_busy_i      (reply_busy),
    .reply_header_o    (reply_header),
    .reply_length_o    (reply_length),
    .reply_word_addr_i (reply_word_addr),
    .reply_word_o      (reply_word),
    .m_axil_awvalid_o,
    .m_axil_awready_i,
    .m_axil_awaddr_o,
    .m_axil_wvalid_o,
    .m_axil_wready_i,
    .m_axil_wdata_o,
    .m_axil_wstrb_o,
    .m_axil_bvalid_i,
    .m_axil_bready_o,
    .m_axil_bresp_i,
    .m_axil_arvalid_o,
    .m_axil_arready_i,
    .m_axil_araddr_o,
    .m_axil_rvalid_i,
    .m_axil_rready_o,
    .m_axil_rdata_i,
    .m_axil_rresp_i,
    .m_axi_arvalid_o,
    .m_axi_arready_i,
    .m_axi_araddr_o,
    .m_axi_arlen_o,
    .m_axi_rvalid_i,
    .m_axi_rready_o,
    .m_axi_rdata_i,
    .m_axi_rdatachk_i,
    .m_axi_rresp_i,
    .m_axi_rlast_i,
    .m_axi_awvalid_o,
    .m_axi_awready_i,
    .m_axi_awaddr_o,
    .m_axi_awlen_o,
    .m_axi_wvalid_o,
    .m_axi_wready_i,
    .m_axi_wdata_o,
    .m_axi_wdatachk_o,
    .m_axi_wstrb_o,
    .m_axi_wlast_o,
    .m_axi_bvalid_i,
    .m_axi_bready_o,
    .m_axi_bresp_i
  );

  link_sender u_sender (
    .clk_i,
    .rst_ni,
    .start_i     (reply_start),
    .busy_o      (reply_busy),
    .header_i    (reply_header),
    .length_i    (reply_length),
    .word_addr_o (reply_word_addr),
    .word_i      (reply_word),
    .byte_valid_o,
    .byte_ready_i,
    .byte_o
  );
endmodule
