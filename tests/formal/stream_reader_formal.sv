// SPDX-License-Identifier: Apache-2.0
/// Proof of rtl/cluster/stream_reader.sv: its bursts cover each segment once and in order, and the
/// beats come out as the memory answered them.
///
/// Requests are compared with the segments as they were accepted; beats with the answers of a
/// memory. One answered beat is tracked: `pick_i` is free, so it may be any beat of any run.
/// Assumed: the memory answers bursts in the order of their addresses with `r_last_i` on the last
/// beat of each, after as long as it likes and with any data and response. Segments, ready signals
/// and `stop_i` are free; only progress is not asked for after a stop, as the contract demands a
/// reset then. SegBits narrows the segment length, to keep the unbounded proof small.
module stream_reader_formal #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter int unsigned AddrBits = 13,
  parameter int unsigned SegBits  = 32,
  localparam int unsigned Columns      = Cfg.columns,
  localparam int unsigned FifoBeats    = Cfg.fifo_beats,
  localparam int unsigned BurstBeats   = Cfg.burst_beats,
  localparam int unsigned ByteBits     = $clog2(Columns),
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits
) (
  input logic                    clk_i,

  input logic                    stop_i,
  input logic                    seg_valid_i,
  input logic [BeatAddrBits-1:0] seg_beat_addr_i,
  input logic [SegBits-1:0]      seg_beats_i,
  input logic                    ar_ready_i,
  input logic                    answer_i,
  input logic [1:0]              r_tag_i,
  input logic [1:0]              r_resp_i,
  input logic [Columns-1:0]      r_parity_i,
  input logic                    beat_ready_i,
  input logic                    pick_i
);
  localparam int unsigned MaxBursts = 2 * FifoBeats / BurstBeats;
  localparam int unsigned BurstBits = $clog2(BurstBeats);
  // Cycles after which a reader with nothing in flight and nothing to deliver has asked for more.
  localparam int unsigned MaxStall  = 2;

  localparam int unsigned CountBits  = BurstBits + 1;
  localparam int unsigned BurstsBits = $clog2(MaxBursts + 1);
  localparam int unsigned FifoBits   = $clog2(FifoBeats + 1);
  typedef logic [CountBits-1:0]  count_t;
  typedef logic [BurstsBits-1:0] bursts_t;
  typedef logic [FifoBits-1:0]   fifo_t;

  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic [31:0]          seg_beats;
  assign seg_beats = 32'(seg_beats_i);

  logic                 idle, error, parity_error, seg_ready, ar_valid, r_valid, r_ready, r_last;
  logic                 beat_valid, beat_last;
  logic [AddrBits-1:0]  ar_addr;
  logic [7:0]           ar_len;
  logic [8*Columns-1:0] beat_data;

  stream_reader #(.Cfg(Cfg), .AddrBits(AddrBits)) dut (
    .clk_i,
    .rst_ni,
    .stop_i,
    .idle_o       (idle),
    .error_o      (error),
    .parity_error_o (parity_error),
    .seg_valid_i,
    .seg_ready_o  (seg_ready),
    .seg_addr_i   ({seg_beat_addr_i, {ByteBits{1'b0}}}),
    .seg_beats_i  (seg_beats_i),
    .ar_valid_o   (ar_valid),
    .ar_ready_i,
    .ar_addr_o    (ar_addr),
    .ar_len_o     (ar_len),
    .r_valid_i    (r_valid),
    .r_ready_o    (r_ready),
    .r_data_i     ({(4 * Columns){r_tag_i}}),
    .r_parity_i,
    .r_resp_i,
    .r_last_i     (r_last),
    .beat_valid_o (beat_valid),
    .beat_ready_i,
    .beat_data_o  (beat_data),
    .beat_last_o  (beat_last)
  );

  // Registers of the reader, for the invariants that tie them to the ports.
  (* peek = "seg_addr_q" *)       logic [BeatAddrBits-1:0] seg_addr;
  (* peek = "seg_left_q" *)       logic [31:0]             seg_left;
  (* peek = "credit_q" *)         fifo_t                   credit;
  (* peek = "bursts_in_flight" *) bursts_t                 bursts_in_flight;

  // A burst appears in the first cycle of its request.
  logic   waits_q, appears, seg_take;
  logic [AddrBits+7:0] waiting_q;
  count_t burst;
  assign appears  = ar_valid && !waits_q;
  assign burst    = CountBits'(ar_len) + 1'b1;
  assign seg_take = seg_valid_i && seg_ready;

  // The accepted segment: the address of its next beat and its beats without a request.
  logic [BeatAddrBits-1:0] next_q, next_d;
  logic [31:0]             left_q, left_d;
  logic                    ends_seg;
  assign next_d   = appears ? next_q + BeatAddrBits'(burst) : next_q;
  assign left_d   = appears ? left_q - 32'(burst) : left_q;
  assign ends_seg = left_q == 32'(burst);

  // The memory: the beats that it owes, the oldest lowest, each whether it is the last of its
  // burst; and its bursts, each whether it ends its segment.
  logic [FifoBeats-1:0] owed_last_q, owed_last_d;
  logic [MaxBursts-1:0] taken_ends_q, taken_ends_d;
  fifo_t                owed_q, owed_left, burst_beats;
  bursts_t              taken_q, taken_left;
  logic                 ends_q, ends, ar_accept, r_accept, burst_done;
  assign ends         = appears ? ends_seg : ends_q;
  assign burst_beats  = ar_valid ? FifoBits'(burst) : '0;
  assign ar_accept    = ar_valid && ar_ready_i;
  assign r_valid      = rst_ni && answer_i && owed_q != '0;
  assign r_last       = owed_last_q[0];
  assign r_accept     = r_valid && r_ready;
  assign burst_done   = r_accept && r_last;
  assign owed_left    = owed_q - FifoBits'(r_accept);
  assign taken_left   = taken_q - BurstsBits'(burst_done);
  assign owed_last_d  = (r_accept ? owed_last_q >> 1 : owed_last_q) |
                        (ar_accept ? FifoBeats'(1) << (owed_left + FifoBits'(ar_len)) : '0);
  assign taken_ends_d = (burst_done ? taken_ends_q >> 1 : taken_ends_q) |
                        (ar_accept ? MaxBursts'(ends) << taken_left : '0);

  bursts_t lasts;
  always_comb begin
    lasts = '0;
    for (int i = 0; i < FifoBeats; i++) lasts = lasts + BurstsBits'(owed_last_q[i]);
  end

  // Beats answered and not delivered, and the tracked one: what it is and how many are before it.
  logic       stopped_q, stored, delivered, tracked_q, take, expected_last;
  fifo_t      stored_q, dropped_q, ahead_q;
  logic [1:0] tag_q;
  logic       last_q;
  assign stored        = r_accept && !stop_i;
  assign delivered     = beat_valid && beat_ready_i;
  assign expected_last = r_last && taken_ends_q[0];
  assign take          = stored && pick_i && !tracked_q;

  // What else the contract speaks of from one cycle to the next.
  logic                 stop_q, beat_held_q, beat_last_q, parity_wrong_q;
  logic [8*Columns-1:0] beat_data_q;
  logic [1:0]           stall_q;
  logic                 nothing_moves;
  assign nothing_moves = !ar_valid && owed_q == '0 && stored_q == '0 && left_q != '0;

  // Only for the cover points: what a run has seen.
  logic boundary_q, short_q, two_segments_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      waits_q        <= 1'b0;
      left_q         <= '0;
      next_q         <= '0;
      owed_last_q    <= '0;
      owed_q         <= '0;
      taken_ends_q   <= '0;
      taken_q        <= '0;
      dropped_q      <= '0;
      stored_q <= '0;
      tracked_q      <= 1'b0;
      stopped_q      <= 1'b0;
      stop_q         <= 1'b0;
      parity_wrong_q <= 1'b0;
      beat_held_q    <= 1'b0;
      stall_q        <= '0;
      boundary_q     <= 1'b0;
      short_q        <= 1'b0;
      two_segments_q <= 1'b0;
    end else begin
      waits_q   <= ar_valid && !ar_ready_i;
      waiting_q <= {ar_addr, ar_len};
      if (appears) ends_q <= ends_seg;
      next_q <= seg_take ? seg_beat_addr_i : next_d;
      left_q <= seg_take ? seg_beats : left_d;

      owed_last_q  <= owed_last_d;
      owed_q       <= owed_left + (ar_accept ? burst_beats : '0);
      taken_ends_q <= taken_ends_d;
      taken_q      <= taken_left + BurstsBits'(ar_accept);
      if (r_accept && stop_i) dropped_q <= dropped_q + 1'b1;

      stored_q <= stored_q + FifoBits'(stored) - FifoBits'(delivered);
      if (take) begin
        tracked_q <= 1'b1;
        tag_q     <= r_tag_i;
        last_q    <= expected_last;
        ahead_q   <= stored_q - FifoBits'(delivered);
      end else if (tracked_q && delivered) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) tracked_q <= 1'b0;
      end

      stopped_q   <= stopped_q || stop_i;
      stop_q      <= stop_i;
      parity_wrong_q <= stored && r_parity_i != {Columns{1'b1}};
      beat_held_q <= beat_valid && !beat_ready_i;
      beat_data_q <= beat_data;
      beat_last_q <= beat_last;
      stall_q     <= nothing_moves ? stall_q + 1'b1 : '0;

      boundary_q     <= boundary_q || (appears && !ends_seg && next_q[BurstBits-1:0] != '0);
      short_q        <= short_q || (appears && ends_seg && burst < CountBits'(BurstBeats));
      two_segments_q <= two_segments_q || (seg_take && stored_q != '0);
    end
  end

  always_comb begin
    if (rst_ni) begin
      // A request holds until it is taken.
      if (waits_q) assert (ar_valid && {ar_addr, ar_len} == waiting_q);

      // Requests continue the segment where the last one ended, within it, within 4 KiB, and end at
      // a multiple of BurstBeats or at the segment's end. The next segment waits until all are out.
      if (appears) begin
        assert (ar_addr == {next_q, {ByteBits{1'b0}}});
        assert (ar_len < 8'(BurstBeats) && 32'(burst) <= left_q);
        assert ((32'(ar_addr) & 32'd4095) + (32'(ar_len) + 32'd1) * Columns <= 32'd4096);
        assert (ends_seg || next_d[BurstBits-1:0] == '0);
      end
      if (seg_take) assert (left_d == '0);
      // No burst starts under a stop.
      if (stop_q) assert (!appears);

      // Credit: every beat of every burst in flight has its place, so the memory never waits.
      assert (32'(stored_q) + 32'(owed_q) + 32'(burst_beats) <= FifoBeats);
      assert (32'(taken_q) + 32'(ar_valid) <= MaxBursts);
      if (r_valid) assert (r_ready);
      assert (idle == (!ar_valid && taken_q == '0 && owed_q == '0));
      assert (error == (r_accept && r_resp_i != 2'b00));
      // Every byte of the data has an even number of ones.
      assert (parity_error == parity_wrong_q);

      // Beats come out as they were answered, in order, with the segment's end marked.
      if (beat_held_q) assert (beat_valid && beat_data == beat_data_q && beat_last == beat_last_q);
      if (beat_valid) assert (stored_q != '0);
      if (tracked_q && beat_valid && ahead_q == '0) begin
        assert (beat_data == {(4 * Columns){tag_q}});
        assert (beat_last == last_q);
      end

      // A reader that holds nothing asks for more.
      if (!stopped_q) assert (stall_q <= 2'(MaxStall));

      // How the reader's registers follow from what was seen at its ports.
      assert (seg_left == left_d);
      if (left_d != '0) assert (seg_addr == next_d);
      assert (32'(credit) + 32'(stored_q) + 32'(owed_q) + 32'(burst_beats) + 32'(dropped_q) ==
              FifoBeats);
      assert (bursts_in_flight == taken_q + BurstsBits'(ar_valid));
      assert (taken_q == lasts);
      assert ((owed_last_q >> owed_q) == '0);
      assert (owed_q == '0 || owed_last_q[owed_q - 1'b1]);
      assert ((taken_ends_q >> taken_q) == '0);
      if (tracked_q) assert (ahead_q < stored_q);

      cover (waits_q && ar_accept);
      cover (stored_q == FifoBits'(FifoBeats) && left_q != '0);
      cover (32'(taken_q) + 32'(ar_valid) == 32'd3);
      cover (two_segments_q && boundary_q && short_q && delivered && beat_last);
      cover (tracked_q && delivered && ahead_q == '0 && last_q && tag_q == 2'b10);
      cover (appears && next_d == BeatAddrBits'(2 * BurstBeats));
      cover (stop_q && r_accept);
      cover (stopped_q && !stop_q && appears);
    end
  end
endmodule
