// SPDX-License-Identifier: Apache-2.0
/// The host link on a serial line: host_link between a UART receiver and sender.
///
/// A bit takes ClocksPerBit16 / 16 cycles; a frame is given up after PauseCharacters of silence.
module serial_host_link #(
  parameter int unsigned ClocksPerBit16  = 533,
  parameter int unsigned PauseCharacters = 6000
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        irq_i,

  input  logic        rx_i,
  output logic        tx_o,

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
  // Start bit, eight bits, stop bit.
  localparam int unsigned CharacterCycles = 10 * ClocksPerBit16 / 16 + 1;

  logic       in_valid, in_error, out_valid, out_ready;
  logic [7:0] in_byte, out_byte;

  uart_rx #(.ClocksPerBit16(ClocksPerBit16)) u_rx (
    .clk_i,
    .rst_ni,
    .rx_i,
    .valid_o (in_valid),
    .data_o  (in_byte),
    .error_o (in_error)
  );
  uart_tx #(.ClocksPerBit16(ClocksPerBit16)) u_tx (
    .clk_i,
    .rst_ni,
    .valid_i (out_valid),
    .ready_o (out_ready),
    .data_i  (out_byte),
    .tx_o
  );
  host_link #(.PauseCycles(PauseCharacters * CharacterCycles)) u_link (
    .clk_i,
    .rst_ni,
    .irq_i,
    .byte_valid_i (in_valid),
    .byte_i       (in_byte),
    .byte_error_i (in_error),
    .byte_valid_o (out_valid),
    .byte_ready_i (out_ready),
    .byte_o       (out_byte),
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
endmodule
