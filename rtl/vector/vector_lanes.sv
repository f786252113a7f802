// SPDX-License-Identifier: Apache-2.0
/// The lanes with what follows a step through them, and the units of curves.
///
/// A step with its operands is taken with `issue_i.valid`, which implies `moves_i`; `moves_i` lets
/// all stages go on. Six cycles later, if the step completes a line of results, it is on `y_o`
/// with `valid_o`. `products_o` and `product_line_o` are the 64-bit products that leave their
/// stage with `product_o`.
module vector_lanes #(
  parameter int unsigned Lanes       = 16,
  parameter bit          BlockTables = 1'b0  // see curve_unit
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic [4:0]          op_i,
  input  logic [3:0]          distance_i,

  input  vector_pkg::issue_t  issue_i,
  input  vector_pkg::step_t   step_i,
  input  logic [32*Lanes-1:0] head_i,
  input  logic [31:0]         scalar_i,
  input  vector_pkg::shift_t  view_shift_i,

  input  logic                moves_i,
  output logic                product_o,
  output vector_pkg::line_t   product_line_o,
  output logic [64*Lanes-1:0] products_o,
  output logic                valid_o,
  output vector_pkg::line_t   line_o,
  output logic [32*Lanes-1:0] y_o,
  output logic [Lanes-1:0]    saturated_o
);
  localparam int unsigned CurveLanes = Lanes / 4;
  localparam int unsigned LaneBits   = $clog2(Lanes);
  // Stages after the operands, in the order of vector_lane's enables.
  localparam int unsigned Partial = 0, Product = 1, Shift = 2, Result = 3, Output = 4;

  vector_pkg::step_t   operands_q, partial_q, product_q, shift_q, result_q;
  vector_pkg::line_t   output_q;
  logic [4:0]          valid_q;  // operands to result
  logic                output_valid_q;
  logic [4:0]          enable;
  logic [32*Lanes-1:0] pair, curves;
  logic                curve, silu, post;
  logic [LaneBits-1:0] pairs;  // with the lane at distance 2^k

  // The operation is known cycles before its first operands.
  always_ff @(posedge clk_i) begin
    silu  <= op_i == tern_pkg::VectorOpSilu;
    curve <= tern_pkg::vector_op_is_curve(op_i);
    post  <= op_i == tern_pkg::VectorOpSilu || op_i == tern_pkg::VectorOpMac;
    for (int unsigned k = 0; k < LaneBits; k++) begin
      pairs[k] <= op_i == tern_pkg::VectorOpButterfly && distance_i == 4'(k);
    end
  end

  // The partners of a butterfly within a line.
  always_comb begin
    pair = '0;
    for (int unsigned k = 0; k < LaneBits; k++) begin
      for (int unsigned i = 0; i < Lanes; i++) begin
        if (pairs[k]) pair[32*i +: 32] = head_i[32*(i ^ (1 << k)) +: 32];
      end
    end
  end

  assign enable[Partial] = moves_i && valid_q[0];
  assign enable[Product] = moves_i && valid_q[1];
  assign enable[Shift]   = moves_i && valid_q[2];
  assign enable[Result]  = moves_i && valid_q[3];
  assign enable[Output]  = moves_i && valid_q[4] && result_q.emit;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q        <= '0;
      output_valid_q <= 1'b0;
    end else if (moves_i) begin
      valid_q        <= {valid_q[3:0], issue_i.valid};
      output_valid_q <= enable[Output];
    end
  end

  always_ff @(posedge clk_i) begin
    if (issue_i.valid)     operands_q <= step_i;
    if (enable[Partial]) partial_q  <= operands_q;
    if (enable[Product]) product_q  <= partial_q;
    if (enable[Shift])   shift_q    <= product_q;
    if (enable[Result])  result_q   <= shift_q;
    if (enable[Output])  output_q   <= result_q.line;
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic in_slot;
    assign in_slot = !curve || shift_q.slot == 2'(i / CurveLanes);

    vector_lane #(.Lane(i)) u_lane (
      .clk_i,
      .issue_i      (issue_i),
      .view_shift_i (view_shift_i),
      .head_i       (head_i[32*i +: 32]),
      .pair_i       (pair[32*i +: 32]),
      .scalar_i     (scalar_i),
      .subtract_i   (1'((i >> distance_i) & 1)),
      .enable_i     ({enable[Output], enable[Result] && in_slot, enable[Shift:Partial]}),
      .add_i        (partial_q.add),
      .shift_i      (product_q.shift),
      .round_i      (shift_q.shift.round),
      .is_curve_i   (curve),
      .curve_i      (curves[32*i +: 32]),
      .post_i       (post),
      .product_o    (products_o[64*i +: 64]),
      .y_o          (y_o[32*i +: 32]),
      .saturated_o  (saturated_o[i])
    );
  end

  for (genvar c = 0; c < CurveLanes; c++) begin : gen_curve
    logic [31:0] a, y;

    always_comb begin
      a = '0;
      if (curve) begin
        case (step_i.slot)
          2'd0:    a = head_i[32*c +: 32];
          2'd1:    a = head_i[32*(CurveLanes + c) +: 32];
          2'd2:    a = head_i[32*(2*CurveLanes + c) +: 32];
          default: a = head_i[32*(3*CurveLanes + c) +: 32];
        endcase
      end
    end

    curve_unit #(.BlockTables(BlockTables)) u_curve (
      .clk_i,
      .silu_i   (silu),
      .valid_i  (curve && issue_i.valid),
      .a_i      (a),
      .s_i      (scalar_i),
      .enable_i (curve ? enable[Shift:Partial] : 3'b000),
      .y_o      (y)
    );
    assign curves[32*c +: 32]                  = y;
    assign curves[32*(CurveLanes + c) +: 32]   = y;
    assign curves[32*(2*CurveLanes + c) +: 32] = y;
    assign curves[32*(3*CurveLanes + c) +: 32] = y;
  end

  assign product_o      = enable[Shift];
  assign product_line_o = product_q.line;
  assign valid_o        = output_valid_q;
  assign line_o         = output_q;

  logic unused_step;
  assign unused_step = ^{result_q};
endmodule
