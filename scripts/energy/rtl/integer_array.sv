// SPDX-License-Identifier: Apache-2.0
/// Multipliers and adder trees for signed weights of WeightBits bits, in the stages of
/// ternary_array_tree: weights in registers, product and first addition, one register for each
/// further level of the trees, sums. Ports are those of lane_tile; the sums of a beat are there
/// $clog2(Columns) + 2 cycles after its weights.
module integer_array #(
  parameter int unsigned Columns    = 16,
  parameter int unsigned WeightBits = 8,
  localparam int unsigned Levels    = $clog2(Columns),
  localparam int unsigned Rows      = 5,
  localparam int unsigned Width     = 8 + WeightBits
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,

  input  logic                               valid_i,
  input  logic [Rows*WeightBits*Columns-1:0] weights_i,
  input  logic [8*Columns-1:0]               x_i,

  output logic                               valid_o,
  output logic [32*Rows-1:0]                 sums_o
);
  logic [Levels+1:0]                  valid_q;
  logic [Rows*WeightBits*Columns-1:0] weights_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= {valid_q[Levels:0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) weights_q <= weights_i;
  end

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic [Width*Columns-1:0] products;
    logic [Levels+Width-1:0]  sum;
    logic                     unused_carry;
    logic [31:0]              sum_q;

    for (genvar c = 0; c < Columns; c++) begin : gen_lane
      logic signed [WeightBits-1:0] weight;
      logic signed [7:0]            x;
      logic signed [Width-1:0]      product;
      assign weight  = weights_q[WeightBits*(Rows*c + r) +: WeightBits];
      assign x       = x_i[8*c +: 8];
      assign product = weight * x;
      assign products[Width*c +: Width] = product;
    end

    adder_tree #(.Operands(Columns), .Width(Width), .Signed(1'b1)) u_tree (
      .clk_i,
      .en_i       (valid_q[Levels-1:0]),
      .operands_i (products),
      .carries_i  ({Columns{1'b0}}),
      .sum_o      (sum),
      .carry_o    (unused_carry)
    );

    always_ff @(posedge clk_i) begin
      if (valid_q[Levels]) sum_q <= {{32-Levels-Width{sum[Levels+Width-1]}}, sum};
    end
    assign sums_o[32*r +: 32] = sum_q;
  end

  assign valid_o = valid_q[Levels+1];
endmodule
