// SPDX-License-Identifier: Apache-2.0
/// DIV, DIVU, REM and REMU in 34 cycles: one takes the magnitudes, 32 give a bit of the quotient
/// each, the last one restores the signs.
///
/// `valid_i` with stable operands is held until `done_o`, which comes with the result in cycle 34;
/// the next operation may follow in the cycle after. Taking `valid_i` away earlier abandons the
/// operation. `funct3_i` is the lower two bits of the instruction's funct3. As RISC-V has it,
/// division by zero gives a quotient of all ones and the dividend as remainder, and -2^31 / -1
/// gives -2^31 and 0.
module cpu_divider (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        valid_i,
  input  logic [1:0]  funct3_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        done_o,
  output logic [31:0] result_o
);
  logic        negative_a, negative_b, negate;
  logic [31:0] quotient_q, remainder_q, divisor_q, selected;
  logic [32:0] difference;
  logic [4:0]  count_q;
  logic        busy_q, done_q;

  assign negative_a = !funct3_i[0] && a_i[31];
  assign negative_b = !funct3_i[0] && b_i[31];

  // The dividend leaves quotient_q at the top while the quotient's bits enter at the bottom.
  assign difference = {remainder_q, quotient_q[31]} - {1'b0, divisor_q};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      done_q  <= 1'b0;
      count_q <= '0;
    end else if (!valid_i || done_q) begin
      busy_q  <= 1'b0;
      done_q  <= 1'b0;
      count_q <= '0;
    end else begin
      busy_q  <= 1'b1;
      if (busy_q) count_q <= count_q + 1'b1;
      done_q  <= count_q == 5'd31;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !busy_q) begin
      quotient_q  <= negative_a ? -a_i : a_i;
      remainder_q <= '0;
      divisor_q   <= negative_b ? -b_i : b_i;
    end else if (busy_q && !done_q) begin
      quotient_q  <= {quotient_q[30:0], !difference[32]};
      remainder_q <= difference[32] ? {remainder_q[30:0], quotient_q[31]} : difference[31:0];
    end
  end

  // The remainder has the dividend's sign. The quotient of a division by zero is all ones already.
  assign selected = funct3_i[1] ? remainder_q : quotient_q;
  assign negate   = funct3_i[1] ? negative_a : negative_a != negative_b && divisor_q != '0;

  assign done_o   = done_q;
  assign result_o = negate ? -selected : selected;
endmodule
