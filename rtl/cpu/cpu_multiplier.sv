// SPDX-License-Identifier: Apache-2.0
/// MUL, MULH, MULHSU and MULHU in three cycles: operands, product and selection each have one, so
/// that the product can use the registers inside an FPGA's multipliers.
///
/// `valid_i` with stable operands is held until `done_o`, which comes with the result in the third
/// cycle; the next operation may follow in the fourth. Taking `valid_i` away earlier abandons the
/// operation. `funct3_i` is the lower two bits of the instruction's funct3.
module cpu_multiplier (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        valid_i,
  input  logic [1:0]  funct3_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        done_o,
  output logic [31:0] result_o
);
  logic               signed_a, signed_b;
  logic signed [32:0] a_q, b_q;
  logic signed [63:0] product_q;
  logic               operands_q, product_valid_q;

  assign signed_a = funct3_i != 2'b11;
  assign signed_b = !funct3_i[1];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      operands_q      <= 1'b0;
      product_valid_q <= 1'b0;
    end else begin
      operands_q      <= valid_i && !operands_q && !product_valid_q;
      product_valid_q <= valid_i && operands_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !operands_q) begin
      a_q <= {signed_a && a_i[31], a_i};
      b_q <= {signed_b && b_i[31], b_i};
    end
    if (operands_q) product_q <= 64'(a_q) * 64'(b_q);
  end

  assign done_o   = product_valid_q;
  assign result_o = funct3_i == 2'b00 ? product_q[31:0] : product_q[63:32];
endmodule
