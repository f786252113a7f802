// SPDX-License-Identifier: Apache-2.0
/// Proof of rtl/lib/fifo.sv: no word is lost, duplicated, reordered or changed.
///
/// Two words are tracked: `pick_first_i` and `pick_second_i` are free, so they may be any two words
/// of any run, the second pushed after the first. A tracked word counts the words in front of it
/// and must come out exactly when that count has run down, with its own data. Everything at the
/// ports is free: the FIFO assumes nothing about its neighbours.
module fifo_formal #(
  parameter int unsigned Width = 4,
  parameter int unsigned Depth = 4
) (
  input logic             clk_i,

  input logic             wr_valid_i,
  input logic [Width-1:0] wr_data_i,
  input logic             rd_ready_i,
  input logic             pick_first_i,
  input logic             pick_second_i
);
  localparam int unsigned UsageWidth = $clog2(Depth + 1);
  typedef logic [UsageWidth-1:0] usage_t;

  logic             rst_ni;
  logic             wr_ready, rd_valid;
  logic [Width-1:0] rd_data;
  usage_t           usage;

  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  fifo #(.Width(Width), .Depth(Depth)) dut (
    .clk_i,
    .rst_ni,
    .wr_valid_i,
    .wr_ready_o (wr_ready),
    .wr_data_i,
    .rd_valid_o (rd_valid),
    .rd_ready_i,
    .rd_data_o  (rd_data),
    .usage_o    (usage)
  );

  // The words inside, counted at the ports.
  logic   push, pop;
  usage_t count_q;
  assign push = wr_valid_i && wr_ready;
  assign pop  = rd_valid && rd_ready_i;

  // A tracked word: its data, and the words that leave before it.
  logic             first_q, second_q;
  logic [Width-1:0] first_data_q, second_data_q;
  usage_t           first_ahead_q, second_ahead_q;
  logic             take_first, take_second;
  assign take_first  = push && pick_first_i && !first_q && !second_q;
  assign take_second = push && pick_second_i && first_q && !second_q;

  // The cycle before this one.
  logic             held_q, one_inside_q, two_inside_q, pushed_q;
  logic [Width-1:0] held_data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q      <= '0;
      first_q      <= 1'b0;
      second_q     <= 1'b0;
      held_q       <= 1'b0;
      one_inside_q <= 1'b0;
      two_inside_q <= 1'b0;
      pushed_q     <= 1'b0;
    end else begin
      count_q <= count_q + UsageWidth'(push) - UsageWidth'(pop);
      if (take_first) begin
        first_q       <= 1'b1;
        first_data_q  <= wr_data_i;
        first_ahead_q <= count_q - UsageWidth'(pop);
      end else if (first_q && pop) begin
        first_ahead_q <= first_ahead_q - 1'b1;
        if (first_ahead_q == '0) first_q <= 1'b0;
      end
      if (take_second) begin
        second_q       <= 1'b1;
        second_data_q  <= wr_data_i;
        second_ahead_q <= count_q - UsageWidth'(pop);
      end else if (second_q && pop) begin
        second_ahead_q <= second_ahead_q - 1'b1;
        if (second_ahead_q == '0) second_q <= 1'b0;
      end
      held_q       <= rd_valid && !rd_ready_i;
      held_data_q  <= rd_data;
      one_inside_q <= count_q != UsageWidth'(pop);
      two_inside_q <= count_q >= UsageWidth'(2);
      pushed_q     <= push;
    end
  end

  always_comb begin
    if (rst_ni) begin
      // Bounds: the count at the ports is the usage, and full is exactly Depth words.
      assert (count_q <= UsageWidth'(Depth));
      assert (usage == count_q);
      assert (wr_ready == (count_q != UsageWidth'(Depth)));
      if (rd_valid) assert (count_q != '0);

      // A word that waits holds.
      if (held_q) assert (rd_valid && rd_data == held_data_q);

      // A tracked word leaves in its turn, unchanged, and the first before the second.
      if (first_q && rd_valid && first_ahead_q == '0) assert (rd_data == first_data_q);
      if (second_q && rd_valid && second_ahead_q == '0) assert (rd_data == second_data_q);
      if (first_q && second_q) assert (first_ahead_q < second_ahead_q);
      if (first_q) assert (first_ahead_q < count_q);
      if (second_q) assert (second_ahead_q < count_q);

      // Latency: what was inside in the cycle before and stayed is readable now; so with two words
      // inside one leaves in every cycle.
      assert (rd_valid == one_inside_q);
      if (two_inside_q) assert (rd_valid);

      cover (count_q == UsageWidth'(Depth) && pop);
      cover (second_q && first_q && pop && first_ahead_q == '0);
      cover (second_q && !first_q && pop && second_ahead_q == '0 && second_data_q != '0);
      cover (pushed_q && !rd_valid && count_q == UsageWidth'(1));
      cover (push && pop && count_q == UsageWidth'(Depth - 1));
    end
  end
endmodule
