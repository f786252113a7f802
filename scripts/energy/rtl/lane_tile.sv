// SPDX-License-Identifier: Apache-2.0
/// Five rows by Columns weights times int8 activations, summed in trees into int32 accumulators: a
/// tile of a matrix engine for ternary, 4-bit or 8-bit weights, to compare their energy.
///
/// WeightBits 0: ternary; byte c of `weights_i` holds column c's weights as a T5 code. Otherwise
/// bits WeightBits * (Rows * c + r) and up of `weights_i` are the signed weight of row r, column c.
/// `x_i` (int8 of column c in byte c) comes one cycle after its weights. A beat with `first_i`
/// overwrites the accumulators. `valid_o` tells $clog2(Columns) + 3 cycles after the weights that
/// int32 number r of `sums_o` has the beat.
///
/// All kinds have the same stages: weights (decoded) in registers, products and the first level of
/// the trees, a register for each further level, sums, accumulators.
module lane_tile #(
  parameter int unsigned Columns     = 16,
  parameter int unsigned WeightBits  = 0,
  localparam int unsigned Levels     = $clog2(Columns),
  localparam int unsigned Rows       = 5,
  localparam int unsigned ColumnBits = WeightBits == 0 ? 8 : Rows * WeightBits
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          valid_i,
  input  logic                          first_i,
  input  logic [ColumnBits*Columns-1:0] weights_i,
  input  logic [8*Columns-1:0]          x_i,

  output logic                          valid_o,
  output logic [32*Rows-1:0]            sums_o
);
  logic               sums_valid;
  logic [32*Rows-1:0] sums;
  logic [Levels+1:0]  first_q;

  if (WeightBits == 0) begin : gen_ternary
    logic [8*Columns-1:0] planes;
    logic [Levels:0]      unused_illegal;

    for (genvar b = 0; b < 8; b++) begin : gen_plane
      for (genvar c = 0; c < Columns; c++) begin : gen_bit
        assign planes[b*Columns + c] = x_i[8*c + b];
      end
    end

    ternary_array_tree #(.Columns(Columns), .ActColumns(1)) u_array (
      .clk_i, .rst_ni,
      .valid_i, .weights_i,
      .sign_i    (1'b0),
      .signs_i   ('0),
      .mask_i    ({Columns{1'b1}}),
      .planes_i  (planes),
      .columns_i (4'd1),
      .valid_o   (sums_valid),
      .sums_o    (sums),
      .illegal_o (unused_illegal)
    );
  end else begin : gen_integer
    integer_array #(.Columns(Columns), .WeightBits(WeightBits)) u_array (
      .clk_i, .rst_ni,
      .valid_i, .weights_i, .x_i,
      .valid_o (sums_valid),
      .sums_o  (sums)
    );
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_o <= 1'b0;
      first_q <= '0;
    end else begin
      valid_o <= sums_valid;
      first_q <= {first_q[Levels:0], first_i};
    end
  end

  for (genvar r = 0; r < Rows; r++) begin : gen_accumulator
    logic [31:0] sum_q;
    always_ff @(posedge clk_i) begin
      if (sums_valid) sum_q <= (first_q[Levels+1] ? 32'd0 : sum_q) + sums[32*r +: 32];
    end
    assign sums_o[32*r +: 32] = sum_q;
  end
endmodule
