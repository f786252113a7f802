// SPDX-License-Identifier: Apache-2.0
/// The operations on scales of scale.hpp and quantise_multiplier() of quantise.hpp, one at a time.
///
/// `start_i` takes the operands; the command stays until `done_o`, which comes with the result.
/// Cycles from `start_i` to `done_o`: ScaleShift and Factor 2, MakeScale 3, ScaleMul and ScaleAdd 4,
/// ScaleSqrt 19, ScaleDiv 20, Multiplier 22. Mantissas of operands are 0 or in [2^30, 2^31).
///
///   MakeScale: ---------------------------+
///   ScaleMul:  half products -> sum ------+
///   ScaleAdd:  order -> align, sum -------+-> normalise -> round
///   ScaleDiv, ScaleSqrt: digits ----------+
///   Multiplier: normalise -> round, digits+
///
/// But for MakeScale and the first pass of Multiplier, the place of a value's highest bit is known
/// but for one: the shift is to the higher place, and `late` tells that it was the lower one.
///
/// With Registered, operands and command have to be there two cycles before `start_i`: what is made
/// of them goes through registers.
module scale_unit #(
  parameter bit Registered = 1'b0
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic [4:0]  op_i,
  input  logic        use_b_i,
  input  logic [1:0]  times_b_i,
  input  logic [31:0] constant_i,
  input  logic [63:0] a_i,
  input  logic [63:0] b_i,
  output logic        done_o,
  output logic [63:0] result_o
);
  typedef enum logic [2:0] {
    StIdle, StNormalise, StMantissas, StDigits, StSum, StShift, StRound, StDone
  } state_e;

  state_e state_q;
  logic   makes, multiplies, divides, adds, roots, shifts, factors, quantises;

  logic [7:0] kind, kind_d;

  assign kind_d = {op_i == tern_pkg::ScalarOpMakeScale,  op_i == tern_pkg::ScalarOpScaleMul,
                   op_i == tern_pkg::ScalarOpScaleDiv,   op_i == tern_pkg::ScalarOpScaleAdd,
                   op_i == tern_pkg::ScalarOpScaleSqrt,  op_i == tern_pkg::ScalarOpScaleShift,
                   op_i == tern_pkg::ScalarOpFactor,     op_i == tern_pkg::ScalarOpMultiplier};
  assign {makes, multiplies, divides, adds, roots, shifts, factors, quantises} = kind;

  function automatic logic [5:0] leading_zeros(input logic [31:0] value);
    leading_zeros = 6'd32;
    for (int unsigned i = 0; i < 32; i++) begin
      if (value[i]) leading_zeros = 6'(31 - i);
    end
  endfunction

  // A value with its highest bit at 31, rounded to a mantissa: 31 bits, or 2^31 if it carries.
  function automatic logic [31:0] rounded(input logic [31:0] value);
    rounded = {1'b0, value[31:1]} + 32'(value[0]);
  endfunction

  // ---- Operands.
  logic [31:0] a_m, a_e, b_m, b_e;
  logic        a_zero, b_zero, a_zero_d, b_zero_d;
  assign {a_e, a_m} = a_i;
  assign {b_e, b_m} = b_i;
  assign a_zero_d   = a_m == '0;
  assign b_zero_d   = b_m == '0;

  // Exponent: a's, what b counts for, and the constant.
  logic        minus_b, twice_b;
  logic [31:0] from_a, from_b, from_both, from_both_d, exponent;
  assign minus_b  = divides || (!multiplies && times_b_i == 2'd1);
  assign twice_b  = !divides && !multiplies && times_b_i == 2'd2;
  assign from_a   = makes ? '0 : a_e;
  assign from_b   = !use_b_i ? '0 : minus_b ? ~b_e : twice_b ? b_e << 1 : b_e;
  assign from_both_d = from_a + from_b + 32'(use_b_i && minus_b);
  assign exponent    = from_both + constant_i;

  // Order of the operands of a sum, how far the smaller one lies below, and whether it is lost.
  logic signed [32:0] a_above, b_above;
  logic               b_first, alone, b_first_d, alone_d;
  logic [32:0]        distance_d;
  logic [5:0]         distance;
  assign a_above  = $signed({a_e[31], a_e}) - $signed({b_e[31], b_e});
  assign b_above  = $signed({b_e[31], b_e}) - $signed({a_e[31], a_e});
  assign b_first_d  = a_zero_d || (!b_zero_d && a_above[32]);
  assign distance_d = a_above[32] ? b_above : a_above;
  assign alone_d    = a_zero_d || b_zero_d || distance_d > 33'd61;

  // Zeros above a value: of all 64 bits, or of the low word, which then goes to the upper 32.
  logic [63:0] value;
  logic [5:0]  upper_zeros, zeros, zeros_d, limit_zeros, limit_zeros_d;
  assign value       = quantises ? {a_m, 32'd0} : a_i;
  assign upper_zeros = leading_zeros(value[63:32]);
  assign zeros_d     = upper_zeros[5] ? {1'b1, 5'(leading_zeros(value[31:0]))} : upper_zeros;
  assign limit_zeros_d = leading_zeros(constant_i);

  if (Registered) begin : gen_registered
    logic [61:0] prepared_q;
    always_ff @(posedge clk_i) begin
      prepared_q <= {kind_d, a_zero_d, b_zero_d, from_both_d, b_first_d, alone_d, distance_d[5:0],
                     zeros_d, limit_zeros_d};
    end
    assign {kind, a_zero, b_zero, from_both, b_first, alone, distance, zeros, limit_zeros} = prepared_q;
  end else begin : gen_direct
    assign {kind, a_zero, b_zero, from_both, b_first, alone, distance, zeros, limit_zeros} =
        {kind_d, a_zero_d, b_zero_d, from_both_d, b_first_d, alone_d, distance_d[5:0], zeros_d,
         limit_zeros_d};
  end

  // ---- Digits.
  logic        digits_start, digits_done;
  logic [31:0] dividend, divisor;
  logic [33:0] digits;
  logic [31:0] limit_top_q, limit_rounded, mantissa, limit_mantissa, top_q, top_rounded;
  logic [4:0]  limit_zeros_q;
  logic        carry;

  assign carry          = &top_q;
  assign top_rounded    = rounded(top_q);
  assign mantissa       = carry ? 32'h4000_0000 : top_rounded;
  assign limit_rounded  = rounded(limit_top_q);
  assign limit_mantissa = limit_rounded[31] ? 32'h4000_0000 : limit_rounded;
  assign digits_start   = (start_i && (divides || roots)) || state_q == StMantissas;
  assign dividend       = quantises ? limit_mantissa : roots && a_e[0] ? a_m << 1 : a_m;
  assign divisor        = quantises ? mantissa : b_m;

  root_divider u_digits (
    .clk_i, .rst_ni,
    .start_i  (digits_start),
    .root_i   (roots),
    .a_i      (dividend),
    .b_i      (divisor),
    .done_o   (digits_done),
    .digits_o (digits)
  );

  // ---- Datapath.
  logic        direct_q, zero_q, late_q;
  logic [31:0] large_q;             // mantissa that is the result if direct, or the larger of a sum
  logic [30:0] small_q;
  logic [5:0]  distance_q, zeros_q;
  logic [46:0] product_low_q;
  logic [45:0] product_high_q;
  logic [63:0] wide_q, wide, shifted;
  logic [61:0] aligned;
  logic [31:0] e_q;
  logic [7:0]  offset_q;            // from the exponent of the value to that of the mantissa

  assign aligned = {small_q, 31'd0} >> distance_q;
  assign wide    = divides || roots || (quantises && state_q == StShift) ? {30'd0, digits} : wide_q;
  assign shifted = wide << zeros_q;

  // Rounding. The exponent rises with a carry and falls if the highest bit was the lower one.
  logic       nothing, negative;
  logic [2:0] adjust;
  assign nothing  = direct_q ? shifts && large_q == '0 : zero_q || !top_q[31];
  assign negative = factors || quantises;
  always_comb begin
    adjust = direct_q ? '0 : 3'(carry) - 3'(late_q);
    if (negative) adjust = 3'd1 - adjust;  // -(e + x) = ~e + 1 - x
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StNormalise: state_q <= StMantissas;
        StMantissas: state_q <= StDigits;
        StDigits:    if (digits_done) state_q <= StShift;
        StSum:       state_q <= StShift;
        StShift:     state_q <= StRound;
        StRound:     state_q <= StDone;
        default: begin
          if (!start_i)                  state_q <= StIdle;
          else if (shifts || factors)    state_q <= StRound;
          else if (multiplies || adds)   state_q <= StSum;
          else if (divides || roots)     state_q <= StDigits;
          else if (quantises)            state_q <= StNormalise;
          else                           state_q <= StShift;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      direct_q       <= shifts || factors || (adds && alone);
      zero_q         <= (divides && (a_zero || b_zero)) || (roots && a_zero) ||
                        (quantises && (a_zero || constant_i == '0));
      large_q        <= adds && b_first ? b_m : a_m;
      small_q        <= b_first ? a_m[30:0] : b_m[30:0];
      distance_q     <= distance;
      product_low_q  <= 47'(a_m[30:0]) * 47'(b_m[15:0]);
      product_high_q <= 46'(a_m[30:0]) * 46'(b_m[30:16]);
      wide_q         <= value;
      limit_top_q    <= constant_i << limit_zeros;
      limit_zeros_q  <= 5'(limit_zeros);
      e_q            <= adds ? (b_first ? b_e : a_e) : roots ? {a_e[31], a_e[31:1]} : exponent;
      if (makes || quantises) {zeros_q, offset_q} <= {zeros, 8'd33 - 8'(zeros)};
      else if (multiplies)    {zeros_q, offset_q} <= {6'd2, 8'd31};
      else if (adds)          {zeros_q, offset_q} <= {6'd1, 7'd0, !alone};
      else if (roots)         {zeros_q, offset_q} <= {6'd32, -8'd15};
      else                    {zeros_q, offset_q} <= {6'd30, -8'd30};
    end
    if (state_q == StSum) begin
      wide_q <= adds ? {1'b0, 32'(large_q[30:0]) + 32'(aligned[61:31]), aligned[30:0]}
                     : {2'b00, product_high_q, 16'd0} + 64'(product_low_q);
    end
    if (state_q == StNormalise || state_q == StShift) begin
      top_q  <= shifted[63] ? shifted[63:32] : shifted[62:31];
      late_q <= !shifted[63];
    end
    if (state_q == StMantissas) begin
      // The exponents are 1 - zeros, and one more if the rounding carried.
      e_q                 <= 32'(zeros_q) - 32'(limit_zeros_q) +
                             32'(limit_rounded[31]) - 32'(carry);
      {zeros_q, offset_q} <= {6'd30, -8'd30};
    end
    if (state_q == StShift) e_q <= e_q + {{24{offset_q[7]}}, offset_q};
    if (state_q == StRound) begin
      result_o[31:0]  <= direct_q ? large_q : nothing ? '0 : mantissa;
      result_o[63:32] <= nothing ? '0 : (negative ? ~e_q : e_q) + {{29{adjust[2]}}, adjust};
    end
  end

  assign done_o = state_q == StDone;

  logic unused_bits;
  assign unused_bits = ^{shifted[30:0], distance_d};
endmodule
