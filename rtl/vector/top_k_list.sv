// SPDX-License-Identifier: Apache-2.0
/// The sorted list of top_k: TopK places, the largest value first, all of them shifted at once.
///
/// An element is taken with `insert_i && ready_o`; it goes behind those that it does not exceed.
/// `keep_i` of the last `clear_i` are kept. `full_o` and `least_o` tell of the last cycle's list.
/// `value_o` and `number_o` are those of place `index_i` of the cycle before, unless elements are
/// inserted.
module top_k_list (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        clear_i,
  input  logic [6:0]  keep_i,

  input  logic        insert_i,
  output logic        ready_o,
  input  logic [31:0] value_i,
  input  logic [31:0] number_i,

  output logic        full_o,
  output logic [31:0] least_o,

  output logic [6:0]  count_o,
  input  logic [5:0]  index_i,
  output logic [31:0] value_o,
  output logic [31:0] number_o
);
  localparam int unsigned Places = tern_pkg::TopK;

  logic [32*Places-1:0] values_q, numbers_q;
  logic [6:0]           count_q, keep_q;
  logic [Places-1:0]    ahead;

  assign ready_o = 1'b1;
  assign count_o = count_q;

  // The new element goes before all that it exceeds; these and the free places are at the end.
  always_comb begin
    ahead = '0;
    if (insert_i) begin
      for (int unsigned i = 0; i < Places; i++) begin
        ahead[i] = 7'(i) >= count_q || vector_pkg::exceeds(value_i, values_q[32*i +: 32]);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      keep_q  <= 7'(Places);
      full_o  <= 1'b0;
    end else if (clear_i) begin
      count_q <= '0;
      keep_q  <= keep_i;
      full_o  <= 1'b0;
    end else begin
      if (insert_i && count_q != keep_q) count_q <= count_q + 7'd1;
      full_o <= count_q == keep_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (insert_i) begin
      for (int unsigned i = 0; i < Places; i++) begin
        if (ahead[i]) begin
          values_q[32*i +: 32]  <= i > 0 && ahead[i > 0 ? i - 1 : 0]
                                   ? values_q[32*(i > 0 ? i - 1 : 0) +: 32] : value_i;
          numbers_q[32*i +: 32] <= i > 0 && ahead[i > 0 ? i - 1 : 0]
                                   ? numbers_q[32*(i > 0 ? i - 1 : 0) +: 32] : number_i;
        end
      end
    end
    least_o  <= values_q[32*6'(keep_q - 7'd1) +: 32];
    value_o  <= values_q[32*index_i +: 32];
    number_o <= numbers_q[32*index_i +: 32];
  end
endmodule
