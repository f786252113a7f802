// SPDX-License-Identifier: Apache-2.0
/// As top_k_list, with the places in a memory: an element moves up from the end, a place a cycle,
/// while those that it exceeds move down. It takes 3 cycles, and one for each place that moves.
module top_k_memory (
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

  (* ram_style = "distributed" *)
  logic [63:0] mem_q [Places];  // value, number
  logic [63:0] above_q;         // of the place before place_q, while active
  logic [6:0]  count_q, keep_q, place_q;
  logic        active_q, done_q, start, exceeds, last;
  logic [5:0]  read_place;
  logic [63:0] placed;

  assign start   = insert_i && !active_q && !done_q;
  assign exceeds = place_q != '0 && vector_pkg::exceeds(value_i, above_q[63:32]);
  assign last    = place_q + 7'd1 == keep_q;
  assign placed  = exceeds ? above_q : {value_i, number_i};
  assign ready_o = done_q;
  assign count_o = count_q;

  always_comb begin
    read_place = index_i;
    if (active_q)   read_place = 6'(place_q - 7'd2);
    else if (start) read_place = 6'(count_q - 7'd1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q  <= '0;
      keep_q   <= 7'(Places);
      active_q <= 1'b0;
      done_q   <= 1'b0;
      full_o   <= 1'b0;
    end else begin
      active_q <= start || (active_q && exceeds);
      done_q   <= active_q && !exceeds;
      if (clear_i) begin
        count_q <= '0;
        keep_q  <= keep_i;
        full_o  <= 1'b0;
      end else begin
        if (done_q && count_q != keep_q) count_q <= count_q + 7'd1;
        full_o <= count_q == keep_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    above_q <= mem_q[read_place];
    if (start)         place_q <= count_q;
    else if (active_q) place_q <= place_q - 7'd1;
    // What is pushed out at the end goes nowhere.
    if (active_q && place_q != keep_q) mem_q[place_q[5:0]] <= placed;
    if (active_q && last)              least_o <= placed[63:32];
  end

  assign value_o  = above_q[63:32];
  assign number_o = above_q[31:0];
endmodule
