// SPDX-License-Identifier: Apache-2.0
/// The largest elements of a long vector with their element numbers, largest first; among equals
/// the earlier element is in front.
///
/// A line is taken with `valid_i && ready_o`, its elements are numbered from the last `clear_i`
/// on. Those that exceed the smallest kept value, or all while there is room, are inserted one a
/// cycle (with Serial one in up to 67 cycles, see top_k_memory), lower lane first; that value may be
/// a few cycles old, which lets too many pass but never too few. `idle_o`: nothing is left to
/// insert. `count_o` elements are kept, `keep_i` of the last `clear_i` at most; while `idle_o`,
/// `value_o` and `number_o` are those of place `index_i` of the cycle before.
module top_k #(
  parameter int unsigned Lanes  = 16,
  parameter bit          Serial = 1'b0
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                clear_i,
  input  logic [6:0]          keep_i,

  input  logic                valid_i,
  output logic                ready_o,
  input  logic [7:0]          live_i,
  input  logic [32*Lanes-1:0] y_i,
  output logic                idle_o,

  output logic [6:0]          count_o,
  input  logic [5:0]          index_i,
  output logic [31:0]         value_o,
  output logic [31:0]         number_o
);
  localparam int unsigned LaneBits = $clog2(Lanes);

  logic [Lanes-1:0]    candidates_d, candidates_q, others, rest;
  logic [32*Lanes-1:0] line_q;
  logic [31:0]         line_number_q, next_number_q;
  logic [LaneBits-1:0] lane;
  logic                pick, insert_q, inserted, full;
  logic [31:0]         value_q, number_q, least;

  // The lowest candidate is cleared by subtracting 1.
  assign others  = candidates_q & (candidates_q - 1'b1);
  assign pick    = candidates_q != '0 && (!insert_q || inserted);
  assign rest    = pick ? others : candidates_q;
  assign ready_o = rest == '0;
  assign idle_o  = candidates_q == '0 && !insert_q;

  always_comb begin
    candidates_d = '0;
    if (valid_i) begin
      for (int unsigned i = 0; i < Lanes; i++) begin
        candidates_d[i] = 8'(i) < live_i &&
                          (!full || vector_pkg::exceeds(y_i[32*i +: 32], least));
      end
    end
  end

  always_comb begin
    lane = '0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      if (candidates_q[i] && !others[i]) lane = LaneBits'(i);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      candidates_q <= '0;
      insert_q     <= 1'b0;
    end else begin
      candidates_q <= ready_o ? candidates_d : rest;
      insert_q     <= pick || (insert_q && !inserted);
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      next_number_q <= '0;
    end else if (valid_i && ready_o) begin
      line_q        <= y_i;
      line_number_q <= next_number_q;
      next_number_q <= next_number_q + 32'(live_i);
    end
    if (pick) begin
      value_q  <= line_q[32*lane +: 32];
      number_q <= line_number_q + 32'(lane);
    end
  end

  if (Serial) begin : gen_memory
    top_k_memory u_list (
      .clk_i, .rst_ni, .clear_i, .keep_i,
      .insert_i (insert_q),
      .ready_o  (inserted),
      .value_i  (value_q),
      .number_i (number_q),
      .full_o   (full),
      .least_o  (least),
      .count_o, .index_i, .value_o, .number_o
    );
  end else begin : gen_list
    top_k_list u_list (
      .clk_i, .rst_ni, .clear_i, .keep_i,
      .insert_i (insert_q),
      .ready_o  (inserted),
      .value_i  (value_q),
      .number_i (number_q),
      .full_o   (full),
      .least_o  (least),
      .count_o, .index_i, .value_o, .number_o
    );
  end
endmodule
