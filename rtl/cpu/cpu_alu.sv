// SPDX-License-Identifier: Apache-2.0
/// The arithmetic unit: additions, logic, shifts and comparisons, combinational.
///
/// `less_o` compares as AluSlt or AluSltu tells, `equal_o` always; branches use both.
module cpu_alu (
  input  cpu_pkg::alu_op_e op_i,
  input  logic [31:0]      a_i,
  input  logic [31:0]      b_i,
  output logic [31:0]      result_o,
  output logic             equal_o,
  output logic             less_o
);
  logic        subtract, flip, left, arithmetic;
  logic [31:0] sum, shift_in, shift_out;
  logic [32:0] shifted;

  // One adder: a - b is a + ~b + 1.
  assign subtract = op_i == cpu_pkg::AluSub;
  assign sum      = a_i + (b_i ^ {32{subtract}}) + 32'(subtract);

  // One unsigned comparison; signed numbers are in its order once their sign bits are inverted.
  assign flip     = op_i != cpu_pkg::AluSltu;
  assign less_o   = {a_i[31] ^ flip, a_i[30:0]} < {b_i[31] ^ flip, b_i[30:0]};
  assign equal_o  = a_i == b_i;

  // One shifter to the right: a left shift goes in and out with its bits reversed.
  assign left       = op_i == cpu_pkg::AluSll;
  assign arithmetic = op_i == cpu_pkg::AluSra && a_i[31];
  assign shifted    = 33'($signed({arithmetic, shift_in}) >>> b_i[4:0]);
  for (genvar i = 0; i < 32; i++) begin : gen_reverse
    assign shift_in[i]  = left ? a_i[31 - i] : a_i[i];
    assign shift_out[i] = left ? shifted[31 - i] : shifted[i];
  end

  always_comb begin
    case (op_i)
      cpu_pkg::AluSll, cpu_pkg::AluSrl, cpu_pkg::AluSra: result_o = shift_out;
      cpu_pkg::AluSlt, cpu_pkg::AluSltu:                 result_o = 32'(less_o);
      cpu_pkg::AluXor:                                   result_o = a_i ^ b_i;
      cpu_pkg::AluOr:                                    result_o = a_i | b_i;
      cpu_pkg::AluAnd:                                   result_o = a_i & b_i;
      default:                                           result_o = sum;
    endcase
  end

  logic unused_shift;
  assign unused_shift = shifted[32];
endmodule
