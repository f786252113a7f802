// SPDX-License-Identifier: Apache-2.0
/// Moves the payloads of the host link between its buffers and memory, by AXI4, and sums up memory.
///
/// `start_i` pulses with the fields of a transfer of 1 to 128 beats of 8 bytes; they hold until
/// `done_o` pulses. With `checksum_i`, up to 8192 beats are read, and `checksum_o` is the CRC-32 of
/// their bytes from `done_o` on until the next start. INCR bursts of up to 16 beats stay within 128 bytes, one at a time. Word
/// `word_addr_o` of the payload is written, its data coming a cycle after the address; words that
/// are read come with `read_valid_o` at `read_addr_o`. Each byte has an odd parity bit, as AMBA
/// AXI5 has them. `error_o` tells with `done_o`, and until the next start, that a response was not
/// OKAY or a parity bit wrong; the transfer goes on to its end all the same.
module link_memory (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic        write_i,
  input  logic [31:0] addr_i,
  input  logic        checksum_i,
  input  logic [13:0] beats_i,
  output logic        done_o,
  output logic        error_o,
  output logic [31:0] checksum_o,

  output logic [6:0]  word_addr_o,
  input  logic [63:0] word_i,
  output logic        read_valid_o,
  output logic [6:0]  read_addr_o,
  output logic [63:0] read_data_o,

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
  localparam int unsigned BurstBeats = 16;

  typedef enum logic [2:0] {StIdle, StBurst, StRead, StWrite, StAnswer, StDone} state_e;
  state_e      state_q;
  logic [31:0] addr_q;
  logic [13:0] left_q;                       // beats
  logic [7:0]  burst_left_q, burst_len_q;    // beats; AXI counts from 0
  logic [6:0]  index_q;
  logic        fetch_q, error_q, ar_valid_q, aw_valid_q;
  logic [7:0]  to_boundary, burst, wrong_parity;
  logic        r_taken, w_taken, b_taken, w_ends, burst_ends;

  assign to_boundary = 8'(BurstBeats) - 8'(addr_q[6:3]);
  assign burst       = left_q < 14'(to_boundary) ? left_q[7:0] : to_boundary;
  assign r_taken     = m_axi_rvalid_i && m_axi_rready_o;
  assign w_taken     = m_axi_wvalid_o && m_axi_wready_i;
  assign b_taken     = m_axi_bvalid_i && m_axi_bready_o;
  assign w_ends      = burst_left_q == '0 || (burst_left_q == 8'd1 && w_taken);
  assign burst_ends  = b_taken || (r_taken && burst_left_q == 8'd1);
  for (genvar i = 0; i < 8; i++) begin : gen_parity
    assign wrong_parity[i]     = m_axi_rdatachk_i[i] != ~^m_axi_rdata_i[8*i +: 8];
    assign m_axi_wdatachk_o[i] = ~^word_i[8*i +: 8];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q    <= StIdle;
      error_q    <= 1'b0;
      fetch_q    <= 1'b0;
      ar_valid_q <= 1'b0;
      aw_valid_q <= 1'b0;
    end else begin
      if (m_axi_arready_i) ar_valid_q <= 1'b0;
      if (m_axi_awready_i) aw_valid_q <= 1'b0;
      fetch_q <= w_taken;
      if (start_i) begin
        error_q <= 1'b0;
      end else if ((r_taken && (m_axi_rresp_i != 2'b00 || wrong_parity != '0)) ||
                   (b_taken && m_axi_bresp_i != 2'b00)) begin
        error_q <= 1'b1;
      end
      case (state_q)
        StIdle: if (start_i) state_q <= StBurst;
        StBurst: begin
          ar_valid_q <= !write_i;
          aw_valid_q <= write_i;
          state_q    <= write_i ? StWrite : StRead;
        end
        StRead:   if (burst_ends) state_q <= left_q == 14'd1 ? StDone : StBurst;
        StWrite:  if (w_ends && (!aw_valid_q || m_axi_awready_i)) state_q <= StAnswer;
        StAnswer: if (burst_ends) state_q <= left_q == '0 ? StDone : StBurst;
        default:  if (done_o) state_q <= StIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      addr_q  <= addr_i;
      left_q  <= beats_i;
      index_q <= '0;
    end else if (r_taken || w_taken) begin
      left_q  <= left_q - 14'd1;
      index_q <= index_q + 7'd1;
    end
    if (burst_ends) addr_q <= {addr_q[31:7] + 25'd1, 7'd0};   // the rest starts at the boundary
    if (state_q == StBurst) begin
      burst_left_q <= burst;
      burst_len_q  <= burst - 8'd1;
    end else if (r_taken || w_taken) begin
      burst_left_q <= burst_left_q - 8'd1;
    end
  end

  // A byte of the sum a cycle; the next beat is taken with the last byte of the one before.
  logic [63:0] sum_q;
  logic [3:0]  sum_left_q;   // bytes
  logic [31:0] crc_q, crc_d;
  crc32_byte u_crc (.crc_i(crc_q), .byte_i(sum_q[7:0]), .crc_o(crc_d));
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                    sum_left_q <= '0;
    else if (r_taken && checksum_i) sum_left_q <= 4'd8;
    else if (sum_left_q != '0)      sum_left_q <= sum_left_q - 4'd1;
  end
  always_ff @(posedge clk_i) begin
    sum_q <= r_taken ? m_axi_rdata_i : sum_q >> 8;
    if (start_i)               crc_q <= '1;
    else if (sum_left_q != '0) crc_q <= crc_d;
  end
  assign checksum_o = ~crc_q;

  assign done_o          = state_q == StDone && sum_left_q == '0;
  assign error_o         = error_q;
  assign word_addr_o     = state_q == StIdle ? '0 : index_q;
  assign read_valid_o    = r_taken && !checksum_i;
  assign read_addr_o     = index_q;
  assign read_data_o     = m_axi_rdata_i;
  assign m_axi_arvalid_o = ar_valid_q;
  assign m_axi_araddr_o  = 40'(addr_q);
  assign m_axi_arlen_o   = burst_len_q;
  assign m_axi_rready_o  = state_q == StRead && sum_left_q <= 4'd1;
  assign m_axi_awvalid_o = aw_valid_q;
  assign m_axi_awaddr_o  = 40'(addr_q);
  assign m_axi_awlen_o   = burst_len_q;
  assign m_axi_wvalid_o  = state_q == StWrite && burst_left_q != '0 && !fetch_q;
  assign m_axi_wdata_o   = word_i;
  assign m_axi_wstrb_o   = '1;
  assign m_axi_wlast_o   = burst_left_q == 8'd1;
  assign m_axi_bready_o  = state_q == StAnswer;

  logic unused_signals;
  assign unused_signals = ^{m_axi_rlast_i};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertIdle: assert (!start_i || state_q == StIdle);
      AssertSize: assert (!start_i || (beats_i != '0 && beats_i <= (checksum_i ? 14'd8192 : 14'd128)));
      AssertLast: assert (!r_taken || m_axi_rlast_i == (burst_left_q == 8'd1));
    end
  end
  handshake_checker #(.Width(48)) u_check_aw (
    .clk_i, .rst_ni,
    .valid_i (m_axi_awvalid_o),
    .ready_i (m_axi_awready_i),
    .data_i  ({m_axi_awaddr_o, m_axi_awlen_o})
  );
  handshake_checker #(.Width(65)) u_check_w (
    .clk_i, .rst_ni,
    .valid_i (m_axi_wvalid_o),
    .ready_i (m_axi_wready_i),
    .data_i  ({m_axi_wdata_o, m_axi_wlast_o})
  );
`endif
endmodule
