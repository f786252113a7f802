// SPDX-License-Identifier: Apache-2.0
/// Two AXI4 managers on one subordinate that answers each direction in order, on one ID.
///
/// Managers take turns, burst by burst, for reads and writes apart. A request that has been offered
/// stays until it is taken. Data of a write may go to the subordinate before its address is taken, as
/// AXI wants it. Up to Outstanding bursts of each direction are under way. Signals of manager i are
/// bit or slice i of the `s_axi_*` ports.
module axi_arbiter #(
  parameter int unsigned AddrBits    = 40,
  parameter int unsigned Columns     = 8,    // bytes of a beat
  parameter int unsigned Outstanding = 16
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic [1:0]             s_axi_arvalid_i,
  output logic [1:0]             s_axi_arready_o,
  input  logic [2*AddrBits-1:0]  s_axi_araddr_i,
  input  logic [15:0]            s_axi_arlen_i,
  output logic [1:0]             s_axi_rvalid_o,
  input  logic [1:0]             s_axi_rready_i,
  output logic [8*Columns-1:0]   s_axi_rdata_o,      // both managers see the same data
  output logic [Columns-1:0]     s_axi_rdatachk_o,
  output logic [1:0]             s_axi_rresp_o,
  output logic                   s_axi_rlast_o,
  input  logic [1:0]             s_axi_awvalid_i,
  output logic [1:0]             s_axi_awready_o,
  input  logic [2*AddrBits-1:0]  s_axi_awaddr_i,
  input  logic [15:0]            s_axi_awlen_i,
  input  logic [1:0]             s_axi_wvalid_i,
  output logic [1:0]             s_axi_wready_o,
  input  logic [16*Columns-1:0]  s_axi_wdata_i,
  input  logic [2*Columns-1:0]   s_axi_wdatachk_i,
  input  logic [2*Columns-1:0]   s_axi_wstrb_i,
  input  logic [1:0]             s_axi_wlast_i,
  output logic [1:0]             s_axi_bvalid_o,
  input  logic [1:0]             s_axi_bready_i,
  output logic [1:0]             s_axi_bresp_o,

  output logic                   m_axi_arvalid_o,
  input  logic                   m_axi_arready_i,
  output logic [AddrBits-1:0]    m_axi_araddr_o,
  output logic [7:0]             m_axi_arlen_o,
  input  logic                   m_axi_rvalid_i,
  output logic                   m_axi_rready_o,
  input  logic [8*Columns-1:0]   m_axi_rdata_i,
  input  logic [Columns-1:0]     m_axi_rdatachk_i,
  input  logic [1:0]             m_axi_rresp_i,
  input  logic                   m_axi_rlast_i,
  output logic                   m_axi_awvalid_o,
  input  logic                   m_axi_awready_i,
  output logic [AddrBits-1:0]    m_axi_awaddr_o,
  output logic [7:0]             m_axi_awlen_o,
  output logic                   m_axi_wvalid_o,
  input  logic                   m_axi_wready_i,
  output logic [8*Columns-1:0]   m_axi_wdata_o,
  output logic [Columns-1:0]     m_axi_wdatachk_o,
  output logic [Columns-1:0]     m_axi_wstrb_o,
  output logic                   m_axi_wlast_o,
  input  logic                   m_axi_bvalid_i,
  output logic                   m_axi_bready_o,
  input  logic [1:0]             m_axi_bresp_i
);
  localparam int unsigned UsageBits = $clog2(Outstanding + 1);

  // Reads: the managers of the bursts under way, in order.
  logic                 ar_choice, ar_start, ar_room, r_known, r_owner;
  logic [UsageBits-1:0] unused_reads, unused_writes, unused_answers;
  axi_turn u_reads (
    .clk_i,
    .rst_ni,
    .valid_i  (s_axi_arvalid_i),
    .room_i   (ar_room),
    .valid_o  (m_axi_arvalid_o),
    .ready_i  (m_axi_arready_i),
    .choice_o (ar_choice),
    .start_o  (ar_start)
  );
  fifo #(.Width(1), .Depth(Outstanding)) u_read_owners (
    .clk_i,
    .rst_ni,
    .wr_valid_i (ar_start),
    .wr_ready_o (ar_room),
    .wr_data_i  (ar_choice),
    .rd_valid_o (r_known),
    .rd_ready_i (m_axi_rvalid_i && m_axi_rready_o && m_axi_rlast_i),
    .rd_data_o  (r_owner),
    .usage_o    (unused_reads)
  );
  assign s_axi_arready_o  = {2{m_axi_arvalid_o && m_axi_arready_i}} & {ar_choice, !ar_choice};
  assign m_axi_araddr_o   = s_axi_araddr_i[AddrBits*ar_choice +: AddrBits];
  assign m_axi_arlen_o    = s_axi_arlen_i[8*ar_choice +: 8];
  assign s_axi_rvalid_o   = {2{r_known && m_axi_rvalid_i}} & {r_owner, !r_owner};
  assign m_axi_rready_o   = r_known && s_axi_rready_i[r_owner];
  assign s_axi_rdata_o    = m_axi_rdata_i;
  assign s_axi_rdatachk_o = m_axi_rdatachk_i;
  assign s_axi_rresp_o    = m_axi_rresp_i;
  assign s_axi_rlast_o    = m_axi_rlast_i;

  // Writes: the same for data and for responses.
  logic aw_choice, aw_start, w_room, b_room, w_known, w_owner, b_known, b_owner;
  axi_turn u_writes (
    .clk_i,
    .rst_ni,
    .valid_i  (s_axi_awvalid_i),
    .room_i   (w_room && b_room),
    .valid_o  (m_axi_awvalid_o),
    .ready_i  (m_axi_awready_i),
    .choice_o (aw_choice),
    .start_o  (aw_start)
  );
  fifo #(.Width(1), .Depth(Outstanding)) u_write_owners (
    .clk_i,
    .rst_ni,
    .wr_valid_i (aw_start),
    .wr_ready_o (w_room),
    .wr_data_i  (aw_choice),
    .rd_valid_o (w_known),
    .rd_ready_i (m_axi_wvalid_o && m_axi_wready_i && m_axi_wlast_o),
    .rd_data_o  (w_owner),
    .usage_o    (unused_writes)
  );
  fifo #(.Width(1), .Depth(Outstanding)) u_answer_owners (
    .clk_i,
    .rst_ni,
    .wr_valid_i (aw_start),
    .wr_ready_o (b_room),
    .wr_data_i  (aw_choice),
    .rd_valid_o (b_known),
    .rd_ready_i (m_axi_bvalid_i && m_axi_bready_o),
    .rd_data_o  (b_owner),
    .usage_o    (unused_answers)
  );
  assign s_axi_awready_o  = {2{m_axi_awvalid_o && m_axi_awready_i}} & {aw_choice, !aw_choice};
  assign m_axi_awaddr_o   = s_axi_awaddr_i[AddrBits*aw_choice +: AddrBits];
  assign m_axi_awlen_o    = s_axi_awlen_i[8*aw_choice +: 8];
  assign m_axi_wvalid_o   = w_known && s_axi_wvalid_i[w_owner];
  assign s_axi_wready_o   = {2{w_known && m_axi_wready_i}} & {w_owner, !w_owner};
  assign m_axi_wdata_o    = s_axi_wdata_i[8*Columns*w_owner +: 8*Columns];
  assign m_axi_wdatachk_o = s_axi_wdatachk_i[Columns*w_owner +: Columns];
  assign m_axi_wstrb_o    = s_axi_wstrb_i[Columns*w_owner +: Columns];
  assign m_axi_wlast_o    = s_axi_wlast_i[w_owner];
  assign s_axi_bvalid_o   = {2{b_known && m_axi_bvalid_i}} & {b_owner, !b_owner};
  assign m_axi_bready_o   = b_known && s_axi_bready_i[b_owner];
  assign s_axi_bresp_o    = m_axi_bresp_i;

  logic unused_signals;
  assign unused_signals = ^{unused_reads, unused_writes, unused_answers};

`ifndef SYNTHESIS
  handshake_checker #(.Width(AddrBits + 8)) u_check_ar (
    .clk_i, .rst_ni,
    .valid_i (m_axi_arvalid_o),
    .ready_i (m_axi_arready_i),
    .data_i  ({m_axi_araddr_o, m_axi_arlen_o})
  );
  handshake_checker #(.Width(AddrBits + 8)) u_check_aw (
    .clk_i, .rst_ni,
    .valid_i (m_axi_awvalid_o),
    .ready_i (m_axi_awready_i),
    .data_i  ({m_axi_awaddr_o, m_axi_awlen_o})
  );
`endif
endmodule
