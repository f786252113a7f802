/// Proof of rtl/core/result_writer.sv: every beat of an entry is written once, to its address, and
/// every command is reported done once, with its last answer.
///
/// The entry that is being written is kept as it was accepted; its bursts follow from its address
/// alone. One burst is tracked until its answer: `pick_i` is free, so it may be any burst of any
/// run. Assumed: the memory answers a burst only after it has taken its address and its last beat.
/// Entries, ready signals, answers and `stop_i` are otherwise free.
module result_writer_formal #(
  parameter int unsigned Columns   = 2,
  parameter int unsigned AddrBits  = 13,
  parameter int unsigned DataBits  = 42,
  parameter int unsigned MaxBursts = 3,
  localparam int unsigned ByteBits     = $clog2(Columns),
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits
) (
  input logic                    clk_i,

  input logic                    stop_i,
  input logic                    result_valid_i,
  input logic [BeatAddrBits-1:0] result_beat_addr_i,
  input logic [DataBits-1:0]     result_data_i,
  input logic                    result_last_i,
  input logic                    aw_ready_i,
  input logic                    w_ready_i,
  input logic                    answer_i,
  input logic [1:0]              b_resp_i,
  input logic                    pick_i
);
  localparam int unsigned BeatBits   = 8 * Columns;
  localparam int unsigned Beats      = (DataBits + BeatBits - 1) / BeatBits;
  localparam int unsigned CountBits  = $clog2(Beats + 1);
  localparam int unsigned PageBeats  = 4096 / Columns;
  localparam int unsigned PageBits   = $clog2(PageBeats);
  // Bursts that the memory holds: announced and without their answer.
  localparam int unsigned BurstsBits = $clog2(MaxBursts + 2);
  typedef logic [CountBits-1:0]  count_t;
  typedef logic [BurstsBits-1:0] bursts_t;

  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic                idle, error, done, beat, result_ready;
  logic                aw_valid, w_valid, w_last, b_valid, b_ready;
  logic [AddrBits-1:0] aw_addr;
  logic [7:0]          aw_len;
  logic [BeatBits-1:0] w_data;
  logic [Columns-1:0]  w_strb;

  result_writer #(
    .Columns   (Columns),
    .AddrBits  (AddrBits),
    .DataBits  (DataBits),
    .MaxBursts (MaxBursts)
  ) dut (
    .clk_i,
    .rst_ni,
    .stop_i,
    .idle_o         (idle),
    .error_o        (error),
    .done_o         (done),
    .beat_o         (beat),
    .result_valid_i,
    .result_ready_o (result_ready),
    .result_addr_i  ({result_beat_addr_i, {ByteBits{1'b0}}}),
    .result_data_i,
    .result_last_i,
    .aw_valid_o     (aw_valid),
    .aw_ready_i,
    .aw_addr_o      (aw_addr),
    .aw_len_o       (aw_len),
    .w_valid_o      (w_valid),
    .w_ready_i,
    .w_data_o       (w_data),
    .w_strb_o       (w_strb),
    .w_last_o       (w_last),
    .b_valid_i      (b_valid),
    .b_ready_o      (b_ready),
    .b_resp_i
  );

  logic take, aw_accept, w_accept, b_accept;
  assign take      = result_valid_i && result_ready;
  assign aw_accept = aw_valid && aw_ready_i;
  assign w_accept  = w_valid && w_ready_i;
  assign b_accept  = b_valid && b_ready;

  // The entry: its address, whether it ends a command, its data in whole beats, and the beats that
  // have been announced and moved. Beats before `split` lie in the page of its address.
  logic [BeatAddrBits-1:0]   addr_q;
  logic                      last_q;
  logic [Beats*BeatBits-1:0] data_q;
  count_t                    announced_q, announced_d, moved_q, moved_d, split;
  logic [PageBits:0]         to_page_end;
  count_t                    burst_start, burst_end;
  assign to_page_end = (PageBits + 1)'(PageBeats) - {1'b0, addr_q[PageBits-1:0]};
  assign split       = to_page_end < (PageBits + 1)'(Beats) ? to_page_end[CountBits-1:0] :
                                                              CountBits'(Beats);
  assign announced_d = aw_accept ? announced_q + aw_len[CountBits-1:0] + 1'b1 : announced_q;
  assign moved_d     = w_accept ? moved_q + 1'b1 : moved_q;
  assign burst_start = moved_q < split ? '0 : split;
  assign burst_end   = moved_q < split ? split : CountBits'(Beats);

  // The memory: bursts without an answer, of which the address or the last beat has been taken.
  bursts_t announced_bursts_q, moved_bursts_q, whole_bursts;
  assign whole_bursts = announced_bursts_q < moved_bursts_q ? announced_bursts_q : moved_bursts_q;
  assign b_valid      = rst_ni && answer_i && whole_bursts != '0;

  // The tracked burst: whether it ends its command, and the answers that come before its own.
  logic    tracked_q, ends_command_q, ends_command, track;
  bursts_t ahead_q;
  assign ends_command = last_q && announced_d == CountBits'(Beats);
  assign track        = aw_accept && pick_i && !tracked_q;

  logic                stop_q, aw_waits_q, w_waits_q, b_waits_q;
  logic [AddrBits+7:0] aw_waiting_q;
  logic [BeatBits:0]   w_waiting_q;

  // Only for the cover points: what a run has seen.
  logic two_bursts_q, ended_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      announced_q        <= CountBits'(Beats);
      moved_q            <= CountBits'(Beats);
      announced_bursts_q <= '0;
      moved_bursts_q     <= '0;
      tracked_q          <= 1'b0;
      stop_q             <= 1'b0;
      aw_waits_q         <= 1'b0;
      w_waits_q          <= 1'b0;
      b_waits_q          <= 1'b0;
      two_bursts_q       <= 1'b0;
      ended_q            <= 1'b0;
    end else begin
      announced_q <= take ? '0 : announced_d;
      moved_q     <= take ? '0 : moved_d;
      if (take) begin
        addr_q <= result_beat_addr_i;
        last_q <= result_last_i;
        data_q <= (Beats * BeatBits)'(result_data_i);
      end
      announced_bursts_q <= announced_bursts_q + BurstsBits'(aw_accept) - BurstsBits'(b_accept);
      moved_bursts_q     <= moved_bursts_q + BurstsBits'(w_accept && w_last) -
                            BurstsBits'(b_accept);
      if (track) begin
        tracked_q      <= 1'b1;
        ends_command_q <= ends_command;
        ahead_q        <= announced_bursts_q - BurstsBits'(b_accept);
      end else if (tracked_q && b_accept) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) tracked_q <= 1'b0;
      end

      stop_q       <= stop_i;
      aw_waits_q   <= aw_valid && !aw_ready_i;
      aw_waiting_q <= {aw_addr, aw_len};
      w_waits_q    <= w_valid && !w_ready_i;
      w_waiting_q  <= {w_data, w_last};
      b_waits_q    <= b_valid && !b_ready;

      two_bursts_q <= two_bursts_q || (aw_accept && announced_q != '0);
      ended_q      <= ended_q || done;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // What is offered holds until it is taken.
      if (aw_waits_q) assert (aw_valid && {aw_addr, aw_len} == aw_waiting_q);
      if (w_waits_q) assert (w_valid && {w_data, w_last} == w_waiting_q);

      // Bursts: the entry's beats in order, split at its page end only, within 4 KiB.
      if (aw_valid) begin
        assert (announced_q == '0 || announced_q == split);
        assert (announced_q < CountBits'(Beats));
        assert (aw_addr[AddrBits-1:ByteBits] == addr_q + BeatAddrBits'(announced_q));
        assert (aw_addr[ByteBits-1:0] == '0);
        assert (aw_len == 8'((announced_q == '0 ? split : CountBits'(Beats)) - announced_q) - 8'd1);
        assert (32'(aw_addr[11:0]) + (32'(aw_len) + 32'd1) * Columns <= 32'd4096);
      end

      // Beats: the entry's data in order, all bytes, the last of each burst marked, and none of a
      // burst that has not been announced.
      if (w_valid) begin
        assert (moved_q < CountBits'(Beats));
        assert (w_data == BeatBits'(data_q >> (BeatBits * moved_q)));
        assert (w_strb == {Columns{1'b1}});
        assert (w_last == (moved_q + 1'b1 == burst_end));
        assert (announced_q > burst_start || (announced_q == burst_start && aw_valid));
      end
      assert (beat == w_accept);

      // Progress: only bursts without an answer hold an announcement back, and nothing else holds
      // a beat back; the next entry is taken when this one has been written, unless under a stop.
      if (announced_q != CountBits'(Beats) && !aw_valid) begin
        assert (32'(announced_bursts_q) == MaxBursts);
      end
      if (moved_q < announced_q) assert (w_valid);
      assert (result_ready == (announced_d == CountBits'(Beats) && moved_d == CountBits'(Beats) &&
                               !stop_i));

      // Answers: each one is taken a cycle later at the latest, none is awaited beyond MaxBursts,
      // and done marks exactly those of bursts that end a command.
      if (b_waits_q && b_valid) assert (b_ready);
      assert (32'(announced_bursts_q) <= MaxBursts);
      if (done || error) assert (b_accept);
      assert (error == (b_accept && b_resp_i != 2'b00));
      if (tracked_q && b_accept && ahead_q == '0) assert (done == ends_command_q);
      assert (idle == (announced_q == CountBits'(Beats) && moved_q == CountBits'(Beats) &&
                       announced_bursts_q == '0));

      cover (take && w_accept && w_last);
      cover (two_bursts_q && done && b_resp_i == 2'b10);
      cover (32'(announced_bursts_q) == MaxBursts && announced_q != CountBits'(Beats));
      cover (moved_bursts_q > announced_bursts_q);
      cover (ended_q && done && stop_q);
      cover (tracked_q && b_accept && ahead_q == '0 && !ends_command_q && announced_bursts_q > 1);
      cover (aw_valid && announced_q == '0 && split == CountBits'(1));
    end
  end
endmodule
