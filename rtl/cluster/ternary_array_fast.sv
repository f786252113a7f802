// SPDX-License-Identifier: Apache-2.0
`ifndef SYNTHESIS
/// The array's body for long simulations: equal to ternary_array_tree in every output and cycle,
/// and written for the speed of compiled code. See ternary_array for the interface.
///
/// Tables turn a byte into five bits "is +1" and five bits "is -1" (and one "is illegal"), eight
/// apart, so that eight bytes, each shifted by its place, OR together into whole bytes of the rows'
/// bit vectors. A sum is then 2^b times the difference of two population counts, over the eight bit
/// planes of the activations. The sums wait in a ring until their cycle comes.
module ternary_array_fast #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned ActColumns  = 8,
  parameter bit          SignWeights = 1'b0,
  parameter int unsigned Trees       = 5,
  localparam int unsigned Levels     = $clog2(Columns)
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              valid_i,
  input  logic [8*Columns-1:0]              weights_i,
  input  logic                              sign_i,
  input  logic [Trees*Columns-1:0]          signs_i,
  input  logic [Columns-1:0]                mask_i,
  input  logic [ActColumns*8*Columns-1:0]   planes_i,
  input  logic [engine_pkg::ColumnBits-1:0] columns_i,

  output logic                              valid_o,
  output logic [ActColumns*Trees*32-1:0]    sums_o,
  output logic [Levels:0]                   illegal_o
);
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;
  localparam int unsigned Digits   = tern_pkg::TritsPerByte;
  localparam int unsigned Groups   = Columns / 8;
  localparam int unsigned RingBits = 4;
  localparam int unsigned RingSize = 1 << RingBits;

  typedef logic [47:0]         slices_t;  // a byte for each trit, and one for illegal codes
  typedef logic [63:0]         row_t;     // bit c is column c
  typedef logic [RingBits-1:0] ring_t;

  slices_t positive_table [256];
  slices_t negative_table [256];

  initial begin : fill_tables
    for (int code = 0; code < 256; code++) begin
      int rest;
      rest = code;
      positive_table[code] = '0;
      negative_table[code] = '0;
      for (int trit = 0; trit < Digits; trit++) begin
        positive_table[code][8*trit] = code < tern_pkg::T5Codes && rest % 3 == 2;
        negative_table[code][8*trit] = code < tern_pkg::T5Codes && rest % 3 == 0;
        rest = rest / 3;
      end
      positive_table[code][8*Digits] = code >= tern_pkg::T5Codes;
    end
  end

  // The form that compilers turn into one population count instruction.
  function automatic logic [63:0] popcount(input logic [63:0] bits);
    logic [63:0] x;
    x = bits - ((bits >> 1) & 64'h5555_5555_5555_5555);
    x = (x & 64'h3333_3333_3333_3333) + ((x >> 2) & 64'h3333_3333_3333_3333);
    x = (x + (x >> 4)) & 64'h0f0f_0f0f_0f0f_0f0f;
    popcount = (x * 64'h0101_0101_0101_0101) >> 56;
  endfunction

  // Sum of one plane's bits over the columns with trit +1, less those with trit -1.
  function automatic logic [63:0] difference(input row_t above, input row_t below,
                                             input row_t plane);
    difference = popcount(above & plane) - popcount(below & plane);
  endfunction

  // valid_q[i]: a beat was taken i + 1 cycles ago.
  logic [Levels+1:0] valid_q;
  ring_t             head_q, tail_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      head_q  <= '0;
      tail_q  <= '0;
    end else begin
      valid_q <= {valid_q[Levels:0], valid_i};
      if (valid_q[0])      head_q <= head_q + 1'b1;
      if (valid_q[Levels]) tail_q <= tail_q + 1'b1;
    end
  end

  // Bit vectors of the rows, and of the illegal codes.
  row_t positive_q [Trees];
  row_t negative_q [Trees];
  row_t illegal_q;

  always_ff @(posedge clk_i) begin : gather
    row_t positive [Trees];
    row_t negative [Trees];
    row_t illegal;
    if (valid_i) begin
      for (int r = 0; r < Trees; r++) begin
        positive[r] = '0;
        negative[r] = '0;
      end
      illegal = '0;
      for (int g = 0; g < Groups; g++) begin
        slices_t above, below;
        above = '0;
        below = '0;
        for (int k = 0; k < 8; k++) begin
          above = above | (positive_table[weights_i[8*(8*g + k) +: 8]] << k);
          below = below | (negative_table[weights_i[8*(8*g + k) +: 8]] << k);
        end
        for (int r = 0; r < Digits; r++) begin
          positive[r] = positive[r] | (row_t'(above[8*r +: 8]) << (8 * g));
          negative[r] = negative[r] | (row_t'(below[8*r +: 8]) << (8 * g));
        end
        illegal = illegal | (row_t'(above[8*Digits +: 8]) << (8 * g));
      end
      if (SignWeights && sign_i) begin
        for (int r = 0; r < Trees; r++) begin
          positive[r] = row_t'(signs_i[Columns*r +: Columns]);
          negative[r] = ~positive[r];
        end
        illegal = '0;
      end
      for (int r = 0; r < Trees; r++) begin
        positive_q[r] <= positive[r] & row_t'(mask_i);
        negative_q[r] <= negative[r] & row_t'(mask_i);
      end
      illegal_q <= illegal & row_t'(mask_i);
    end
  end

  logic [Levels:0]                   illegal_ring_q [RingSize];
  logic [engine_pkg::ColumnBits-1:0] columns_ring_q [RingSize];

  always_ff @(posedge clk_i) begin
    if (valid_q[0]) begin
      illegal_ring_q[head_q] <= (Levels+1)'(popcount(illegal_q));
      columns_ring_q[head_q] <= columns_i;
    end
    if (valid_q[Levels]) illegal_o <= illegal_ring_q[tail_q];
  end

  for (genvar m = 0; m < ActColumns; m++) begin : gen_column
    for (genvar r = 0; r < Trees; r++) begin : gen_row
      logic [31:0] ring_q [RingSize];
      logic [31:0] sum_q;

      always_ff @(posedge clk_i) begin
        if (valid_q[0] && ColumnBits'(m) < columns_i) begin
          ring_q[head_q] <= 32'(
              difference(positive_q[r], negative_q[r],
                         row_t'(planes_i[(8*m + 0)*Columns +: Columns])) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 1)*Columns +: Columns])) << 1) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 2)*Columns +: Columns])) << 2) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 3)*Columns +: Columns])) << 3) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 4)*Columns +: Columns])) << 4) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 5)*Columns +: Columns])) << 5) +
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 6)*Columns +: Columns])) << 6) -
              (difference(positive_q[r], negative_q[r],
                          row_t'(planes_i[(8*m + 7)*Columns +: Columns])) << 7));
        end
        if (valid_q[Levels]) begin
          sum_q <= ColumnBits'(m) < columns_ring_q[tail_q] ? ring_q[tail_q] : '0;
        end
      end
      assign sums_o[32*(Trees*m + r) +: 32] = sum_q;
    end
  end

  assign valid_o = valid_q[Levels+1];

  initial begin
    if (Columns < 8 || Columns > 64) $fatal(1, "ternary_array_fast: Columns is %0d", Columns);
  end
endmodule
`endif
