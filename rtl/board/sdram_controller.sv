// SPDX-License-Identifier: Apache-2.0
/// AXI4 subordinate on an SDR SDRAM of 16 bits: the memory of an FPGA board.
///
///   AR, AW -> requests (segments of one row) -> scheduler -> command pins
///   W -> parity -> write buffer -> data pins -> read buffer -> parity -> R
///
/// Takes INCR bursts of whole beats of eight bytes on one ID, answered in order: reads in the order
/// of AR, writes in that of AW; a read that is asked for after the response of a write sees it. The
/// bits of WSTRB become byte masks. As AMBA AXI5 has them, WDATACHK and RDATACHK carry an odd parity
/// bit for each byte: a beat whose parity is wrong under its strobes is not written and answered with
/// SLVERR, as is a burst whose WLAST is not at its end. Addresses beyond the chip are answered with
/// DECERR: zeros are read, nothing is written. A write is answered when its last beat is
/// about to be sent to the chip.
///
/// The chip's geometry is 4 banks of 2^RowBits rows of 2^ColBits words. Times are in cycles of
/// `clk_i`, rounded up from the chip's data sheet; TRefi is rounded down. The defaults fit a
/// MT48LC16M16A2-75 and chips like it at 100 MHz. Burst data follow each other without a gap while
/// requests wait: rows of the next bank are opened and closed in the command slots between. All
/// pins come from registers; `sdram_dq_i` goes straight into one.
module sdram_controller #(
  parameter int unsigned AddrBits      = 40,
  parameter int unsigned RowBits       = 13,
  parameter int unsigned ColBits       = 9,
  parameter int unsigned CasLatency    = 2,
  parameter int unsigned ReadDelay     = 0,
  parameter int unsigned TRcd          = 2,
  parameter int unsigned TRp           = 2,
  parameter int unsigned TRas          = 5,
  parameter int unsigned TRc           = 7,
  parameter int unsigned TRfc          = 7,
  parameter int unsigned TRrd          = 2,
  parameter int unsigned TWr           = 2,
  parameter int unsigned TMrd          = 2,
  parameter int unsigned TRefi         = 780,
  parameter int unsigned PowerUp       = 20000,
  parameter int unsigned InitRefreshes = 8,
  parameter int unsigned ReadBeats     = 32,   // read buffer
  parameter int unsigned WriteBeats    = 32,   // write buffer
  parameter int unsigned Responses     = 16    // write responses that may wait
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                s_axi_arvalid_i,
  output logic                s_axi_arready_o,
  input  logic [AddrBits-1:0] s_axi_araddr_i,
  input  logic [7:0]          s_axi_arlen_i,
  output logic                s_axi_rvalid_o,
  input  logic                s_axi_rready_i,
  output logic [63:0]         s_axi_rdata_o,
  output logic [7:0]          s_axi_rdatachk_o,
  output logic [1:0]          s_axi_rresp_o,
  output logic                s_axi_rlast_o,
  input  logic                s_axi_awvalid_i,
  output logic                s_axi_awready_o,
  input  logic [AddrBits-1:0] s_axi_awaddr_i,
  input  logic [7:0]          s_axi_awlen_i,
  input  logic                s_axi_wvalid_i,
  output logic                s_axi_wready_o,
  input  logic [63:0]         s_axi_wdata_i,
  input  logic [7:0]          s_axi_wdatachk_i,
  input  logic [7:0]          s_axi_wstrb_i,
  input  logic                s_axi_wlast_i,
  output logic                s_axi_bvalid_o,
  input  logic                s_axi_bready_i,
  output logic [1:0]          s_axi_bresp_o,

  output logic                sdram_cke_o,
  output logic                sdram_cs_no,
  output logic                sdram_ras_no,
  output logic                sdram_cas_no,
  output logic                sdram_we_no,
  output logic [1:0]          sdram_ba_o,
  output logic [RowBits-1:0]  sdram_a_o,
  output logic [1:0]          sdram_dqm_o,
  output logic [15:0]         sdram_dq_o,
  output logic                sdram_dq_oe_o,
  input  logic [15:0]         sdram_dq_i
);
  localparam logic [1:0] RespOkay   = 2'b00;
  localparam logic [1:0] RespSlave  = 2'b10;
  localparam logic [1:0] RespDecode = 2'b11;
  localparam int unsigned BeatBits  = ColBits - 2;
  localparam int unsigned RoomBits  = $clog2(ReadBeats + 1);

  // Write buffer. A beat with a wrong parity bit loses its strobes.
  logic [7:0]  wrong_parity;
  logic        wr_bad_in, wr_valid, wr_last, wr_bad, wr_push;
  logic [63:0] wr_data;
  logic [7:0]  wr_strb;
  logic        write, read, access_last, access_outside;
  for (genvar i = 0; i < 8; i++) begin : gen_write_parity
    assign wrong_parity[i] = s_axi_wdatachk_i[i] != ~^s_axi_wdata_i[8*i +: 8] && s_axi_wstrb_i[i];
  end
  assign wr_bad_in = wrong_parity != '0;
  assign wr_push   = s_axi_wvalid_i && s_axi_wready_o;

  logic [$clog2(WriteBeats+1)-1:0] unused_wr_usage;
  fifo #(.Width(74), .Depth(WriteBeats)) u_write_buffer (
    .clk_i,
    .rst_ni,
    .wr_valid_i (s_axi_wvalid_i),
    .wr_ready_o (s_axi_wready_o),
    .wr_data_i  ({s_axi_wlast_i, wr_bad_in, wr_bad_in ? 8'd0 : s_axi_wstrb_i, s_axi_wdata_i}),
    .rd_valid_o (wr_valid),
    .rd_ready_i (write),
    .rd_data_o  ({wr_last, wr_bad, wr_strb, wr_data}),
    .usage_o    (unused_wr_usage)
  );

  // Requests and commands.
  logic                seg_valid, seg_ready, seg_write, seg_outside, seg_last;
  logic [1:0]          seg_bank;
  logic [RowBits-1:0]  seg_row;
  logic [BeatBits-1:0] seg_beat;
  logic [BeatBits:0]   seg_beats;
  logic                read_room, answer_room, ready;

  sdram_requests #(
    .AddrBits(AddrBits), .RowBits(RowBits), .BeatBits(BeatBits), .WriteBeats(WriteBeats)
  ) u_requests (
    .clk_i,
    .rst_ni,
    .ar_valid_i    (s_axi_arvalid_i),
    .ar_ready_o    (s_axi_arready_o),
    .ar_addr_i     (s_axi_araddr_i),
    .ar_len_i      (s_axi_arlen_i),
    .aw_valid_i    (s_axi_awvalid_i),
    .aw_ready_o    (s_axi_awready_o),
    .aw_addr_i     (s_axi_awaddr_i),
    .aw_len_i      (s_axi_awlen_i),
    .beat_i        (wr_push),
    .seg_valid_o   (seg_valid),
    .seg_ready_i   (seg_ready),
    .seg_write_o   (seg_write),
    .seg_outside_o (seg_outside),
    .seg_last_o    (seg_last),
    .seg_bank_o    (seg_bank),
    .seg_row_o     (seg_row),
    .seg_beat_o    (seg_beat),
    .seg_beats_o   (seg_beats)
  );

  sdram_scheduler #(
    .RowBits(RowBits), .ColBits(ColBits), .CasLatency(CasLatency), .TRcd(TRcd), .TRp(TRp),
    .TRas(TRas), .TRc(TRc), .TRfc(TRfc), .TRrd(TRrd), .TWr(TWr), .TMrd(TMrd), .TRefi(TRefi),
    .PowerUp(PowerUp), .InitRefreshes(InitRefreshes)
  ) u_scheduler (
    .clk_i,
    .rst_ni,
    .seg_valid_i      (seg_valid),
    .seg_ready_o      (seg_ready),
    .seg_write_i      (seg_write),
    .seg_outside_i    (seg_outside),
    .seg_last_i       (seg_last),
    .seg_bank_i       (seg_bank),
    .seg_row_i        (seg_row),
    .seg_beat_i       (seg_beat),
    .seg_beats_i      (seg_beats),
    .read_room_i      (read_room),
    .write_ready_i    (wr_valid && answer_room),
    .read_o           (read),
    .write_o          (write),
    .access_last_o    (access_last),
    .access_outside_o (access_outside),
    .ready_o          (ready),
    .sdram_cke_o,
    .sdram_cs_no,
    .sdram_ras_no,
    .sdram_cas_no,
    .sdram_we_no,
    .sdram_ba_o,
    .sdram_a_o
  );

  // Data.
  logic        rd_valid, rd_last, rd_outside, rd_ready, rd_pop;
  logic [63:0] rd_data;
  sdram_data #(.CasLatency(CasLatency), .ReadDelay(ReadDelay)) u_data (
    .clk_i,
    .rst_ni,
    .ready_i        (ready),
    .write_i        (write),
    .wr_data_i      (wr_data),
    .wr_strb_i      (access_outside ? 8'd0 : wr_strb),
    .read_i         (read),
    .read_last_i    (access_last),
    .read_outside_i (access_outside),
    .rd_valid_o     (rd_valid),
    .rd_data_o      (rd_data),
    .rd_last_o      (rd_last),
    .rd_outside_o   (rd_outside),
    .sdram_dqm_o,
    .sdram_dq_o,
    .sdram_dq_oe_o,
    .sdram_dq_i
  );

  // Read buffer. Room is taken with the command, as the chip does not wait.
  logic [RoomBits-1:0] room_q, unused_rd_usage;
  logic                out_outside;
  fifo #(.Width(66), .Depth(ReadBeats)) u_read_buffer (
    .clk_i,
    .rst_ni,
    .wr_valid_i (rd_valid),
    .wr_ready_o (rd_ready),
    .wr_data_i  ({rd_last, rd_outside, rd_outside ? 64'd0 : rd_data}),
    .rd_valid_o (s_axi_rvalid_o),
    .rd_ready_i (s_axi_rready_i),
    .rd_data_o  ({s_axi_rlast_o, out_outside, s_axi_rdata_o}),
    .usage_o    (unused_rd_usage)
  );
  assign rd_pop        = s_axi_rvalid_o && s_axi_rready_i;
  assign read_room     = room_q != '0;
  assign s_axi_rresp_o = out_outside ? RespDecode : RespOkay;
  for (genvar i = 0; i < 8; i++) begin : gen_read_parity
    assign s_axi_rdatachk_o[i] = ~^s_axi_rdata_o[8*i +: 8];
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) room_q <= RoomBits'(ReadBeats);
    else         room_q <= room_q + RoomBits'(rd_pop) - RoomBits'(read);
  end

  // Write responses.
  logic       failed, failed_q;
  logic [$clog2(Responses+1)-1:0] unused_usage;
  assign failed = failed_q || wr_bad || wr_last != access_last;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)    failed_q <= 1'b0;
    else if (write) failed_q <= failed && !access_last;
  end
  fifo #(.Width(2), .Depth(Responses)) u_responses (
    .clk_i,
    .rst_ni,
    .wr_valid_i (write && access_last),
    .wr_ready_o (answer_room),
    .wr_data_i  (access_outside ? RespDecode : failed ? RespSlave : RespOkay),
    .rd_valid_o (s_axi_bvalid_o),
    .rd_ready_i (s_axi_bready_i),
    .rd_data_o  (s_axi_bresp_o),
    .usage_o    (unused_usage)
  );

  logic unused_signals;
  assign unused_signals = ^{unused_wr_usage, unused_rd_usage, unused_usage, rd_ready};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) AssertReadHasRoom: assert (!rd_valid || rd_ready);
  end
  handshake_checker #(.Width(AddrBits + 8)) u_check_ar (
    .clk_i, .rst_ni,
    .valid_i (s_axi_arvalid_i),
    .ready_i (s_axi_arready_o),
    .data_i  ({s_axi_araddr_i, s_axi_arlen_i})
  );
  handshake_checker #(.Width(AddrBits + 8)) u_check_aw (
    .clk_i, .rst_ni,
    .valid_i (s_axi_awvalid_i),
    .ready_i (s_axi_awready_o),
    .data_i  ({s_axi_awaddr_i, s_axi_awlen_i})
  );
  handshake_checker #(.Width(75)) u_check_r (
    .clk_i, .rst_ni,
    .valid_i (s_axi_rvalid_o),
    .ready_i (s_axi_rready_i),
    .data_i  ({s_axi_rdata_o, s_axi_rdatachk_o, s_axi_rresp_o, s_axi_rlast_o})
  );
`endif
endmodule
