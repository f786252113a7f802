// SPDX-License-Identifier: Apache-2.0
/// AXI4 read master with a prefetch FIFO: turns segments of memory into one stream of beats.
///
/// A segment is `seg_beats_i` beats (at least 1) from the byte address `seg_addr_i`, which is
/// aligned to a beat. Segments are read in order and back to back, so the stream runs ahead of its
/// consumer across segments as far as the FIFO reaches. Each segment is split at multiples of
/// Cfg.burst_beats beats into INCR bursts; as that many beats divide 4 KiB, no burst crosses a 4
/// KiB boundary. A burst is requested only when the FIFO has room for all of it (credit), so that
/// `r_ready_o` never waits for the consumer. `beat_last_o` marks the last beat of a segment. A
/// response other than OKAY pulses `error_o`; bit i of `r_parity_i` must make the number of ones in
/// byte i and itself odd, or `parity_error_o` pulses. The beat is delivered all the same. While
/// `stop_i` is high no new burst starts and arriving beats are dropped unchecked; `idle_o` tells that
/// no burst is in flight, so that the module may be reset. With Cfg.small_fabric a beat goes through a register behind
/// the FIFO, which takes a cycle.
module stream_reader #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter int unsigned AddrBits = tern_pkg::AddrBits,
  localparam int unsigned Columns = Cfg.columns
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 stop_i,
  output logic                 idle_o,
  output logic                 error_o,
  output logic                 parity_error_o,

  input  logic                 seg_valid_i,
  output logic                 seg_ready_o,
  input  logic [AddrBits-1:0]  seg_addr_i,
  input  logic [31:0]          seg_beats_i,

  output logic                 ar_valid_o,
  input  logic                 ar_ready_i,
  output logic [AddrBits-1:0]  ar_addr_o,
  output logic [7:0]           ar_len_o,
  input  logic                 r_valid_i,
  output logic                 r_ready_o,
  input  logic [8*Columns-1:0] r_data_i,
  input  logic [Columns-1:0]   r_parity_i,
  input  logic [1:0]           r_resp_i,
  input  logic                 r_last_i,

  output logic                 beat_valid_o,
  input  logic                 beat_ready_i,
  output logic [8*Columns-1:0] beat_data_o,
  output logic                 beat_last_o
);
  localparam int unsigned ByteBits   = $clog2(Columns);
  localparam int unsigned FifoBeats  = Cfg.fifo_beats;
  localparam int unsigned BurstBeats = Cfg.burst_beats;
  localparam int unsigned BurstBits  = $clog2(BurstBeats);
  localparam int unsigned CountBits  = BurstBits + 1;
  localparam int unsigned CreditBits = $clog2(FifoBeats + 1);
  localparam int unsigned MaxBursts  = 2 * FifoBeats / BurstBeats;
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits;

  typedef logic [CountBits-1:0]  count_t;
  typedef logic [CreditBits-1:0] credit_t;

  // Request side: the segment that is being split.
  logic [BeatAddrBits-1:0] seg_addr_q;
  logic [31:0]             seg_left_q;
  count_t                  to_boundary, burst;
  logic                    burst_ends_seg, issue;

  logic                    ar_valid_q;
  logic [BeatAddrBits-1:0] ar_addr_q;
  logic [7:0]              ar_len_q;

  // Credit: beats of the FIFO that are neither occupied nor promised to a burst in flight.
  credit_t                 credit_q;
  logic                    pop;

  // One entry for each burst in flight: whether it ends its segment.
  logic                    flag_wr_ready, flag_rd_valid, flag_ends_seg;
  logic [$clog2(MaxBursts+1)-1:0] bursts_in_flight;
  logic                    r_accept, fifo_wr_ready;

  assign to_boundary    = CountBits'(BurstBeats) - CountBits'(seg_addr_q[BurstBits-1:0]);
  assign burst_ends_seg = seg_left_q <= 32'(to_boundary);
  assign burst          = burst_ends_seg ? seg_left_q[CountBits-1:0] : to_boundary;
  assign issue = seg_left_q != '0 && (!ar_valid_q || ar_ready_i) && flag_wr_ready &&
                 credit_q >= CreditBits'(burst) && !stop_i;
  assign seg_ready_o = seg_left_q == '0 && !stop_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      seg_addr_q <= '0;
      seg_left_q <= '0;
    end else if (issue) begin
      seg_addr_q <= seg_addr_q + BeatAddrBits'(burst);
      seg_left_q <= seg_left_q - 32'(burst);
    end else if (seg_valid_i && seg_ready_o) begin
      seg_addr_q <= seg_addr_i[AddrBits-1:ByteBits];
      seg_left_q <= seg_beats_i;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ar_valid_q <= 1'b0;
      ar_addr_q  <= '0;
      ar_len_q   <= '0;
    end else if (issue) begin
      ar_valid_q <= 1'b1;
      ar_addr_q  <= seg_addr_q;
      ar_len_q   <= 8'(burst) - 8'd1;
    end else if (ar_ready_i) begin
      ar_valid_q <= 1'b0;
    end
  end

  assign ar_valid_o = ar_valid_q;
  assign ar_addr_o  = {ar_addr_q, ByteBits'(0)};
  assign ar_len_o   = ar_len_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) credit_q <= CreditBits'(FifoBeats);
    else         credit_q <= credit_q + CreditBits'(pop) - (issue ? CreditBits'(burst) : '0);
  end

  fifo #(.Width(1), .Depth(MaxBursts)) u_bursts (
    .clk_i,
    .rst_ni,
    .wr_valid_i (issue),
    .wr_ready_o (flag_wr_ready),
    .wr_data_i  (burst_ends_seg),
    .rd_valid_o (flag_rd_valid),
    .rd_ready_i (r_accept && r_last_i),
    .rd_data_o  (flag_ends_seg),
    .usage_o    (bursts_in_flight)
  );

  assign r_ready_o = flag_rd_valid;
  assign r_accept  = r_valid_i && r_ready_o;
  assign error_o   = r_accept && r_resp_i != 2'b00;
  assign idle_o    = bursts_in_flight == '0;

  // Bit 8 c of the folded data is the parity of byte c. Folding all bytes at once, and only in cycles
  // with a beat, keeps simulations fast.
  function automatic logic parity_is_wrong(input logic [8*Columns-1:0] data,
                                           input logic [Columns-1:0] parity);
    logic [8*Columns-1:0] folded, expected;
    folded = data ^ (data >> 4);
    folded = folded ^ (folded >> 2);
    folded = folded ^ (folded >> 1);
    for (int unsigned c = 0; c < Columns; c++) expected[8*c +: 8] = {7'd0, !parity[c]};
    parity_is_wrong = (folded & {Columns{8'd1}}) != expected;
  endfunction

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                  parity_error_o <= 1'b0;
    else if (r_accept && !stop_i) parity_error_o <= parity_is_wrong(r_data_i, r_parity_i);
    else                          parity_error_o <= 1'b0;
  end

  logic [CreditBits-1:0] unused_fifo_usage;
  logic                  fifo_valid, fifo_ready;
  logic [8*Columns:0]    fifo_beat;
  fifo #(.Width(8 * Columns + 1), .Depth(FifoBeats)) u_prefetch (
    .clk_i,
    .rst_ni,
    .wr_valid_i (r_accept && !stop_i),
    .wr_ready_o (fifo_wr_ready),
    .wr_data_i  ({r_last_i && flag_ends_seg, r_data_i}),
    .rd_valid_o (fifo_valid),
    .rd_ready_i (fifo_ready),
    .rd_data_o  (fifo_beat),
    .usage_o    (unused_fifo_usage)
  );
  assign pop = fifo_valid && fifo_ready;

  if (Cfg.small_fabric) begin : gen_register
    logic               valid_q;
    logic [8*Columns:0] beat_q;
    assign fifo_ready = !valid_q || beat_ready_i;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)         valid_q <= 1'b0;
      else if (fifo_ready) valid_q <= fifo_valid;
    end
    always_ff @(posedge clk_i) begin
      if (pop) beat_q <= fifo_beat;
    end
    assign beat_valid_o               = valid_q;
    assign {beat_last_o, beat_data_o} = beat_q;
  end else begin : gen_no_register
    assign fifo_ready                 = beat_ready_i;
    assign beat_valid_o               = fifo_valid;
    assign {beat_last_o, beat_data_o} = fifo_beat;
  end

  // The low address bits are zero by contract.
  logic unused_signals;
  assign unused_signals = ^{seg_addr_i[ByteBits-1:0], fifo_wr_ready, unused_fifo_usage};

`ifndef SYNTHESIS
  initial begin
    if (4096 % (BurstBeats * Columns) != 0 || BurstBeats > 256 || BurstBeats < 2) begin
      $fatal(1, "stream_reader: %0d beats of %0d bytes do not divide 4 KiB", BurstBeats, Columns);
    end
    if (FifoBeats < 2 * BurstBeats) $fatal(1, "stream_reader: FIFO shorter than two bursts");
  end

  handshake_checker #(.Width(AddrBits + 8)) u_check_ar (
    .clk_i,
    .rst_ni,
    .valid_i   (ar_valid_o),
    .ready_i   (ar_ready_i),
    .data_i    ({ar_addr_o, ar_len_o})
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (ar_valid_o) begin
        assert (32'(ar_addr_o[11:0]) + (32'(ar_len_o) + 1) * Columns <= 4096)
        else $error("a burst crosses 4 KiB");
      end
      if (seg_valid_i && seg_ready_o) begin
        assert (seg_addr_i[ByteBits-1:0] == '0 && seg_beats_i != '0)
        else $error("segment is empty or not aligned");
      end
      assert (credit_q <= CreditBits'(FifoBeats)) else $error("credit out of bounds");
      assert (32'(bursts_in_flight) <= MaxBursts) else $error("too many bursts in flight");
      if (r_accept && !stop_i) assert (fifo_wr_ready) else $error("a beat finds no room");
    end
  end
`endif
endmodule
