// SPDX-License-Identifier: Apache-2.0
/// Quotient or square root of 32 bit integers, two bits a cycle.
///
/// `start_i` takes the operands; `done_o` comes 17 cycles later, with a root 16, and `digits_o` is
/// valid from the cycle after it until the next start.
///
///   quotient: floor(2^33 a / b) for 0 < a < 2 b, a and b below 2^31: 33 or 34 bits
///   root:     floor(sqrt(2^32 a)) with bit 0 cleared: twice the root of 2^30 a
module root_divider (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic        root_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        done_o,
  output logic [33:0] digits_o
);
  logic        busy_q, root_q;
  logic [4:0]  count_q;  // cycles after this one
  logic [35:0] rest_q;
  logic [31:0] divisor_q, radicand_q;
  logic [33:0] digits_q;

  // One digit: the new one above the new rest. A quotient's rest is kept doubled; a root's gets
  // the next two bits of the radicand.
  function automatic logic [36:0] step(input logic        root,
                                       input logic [35:0] rest,
                                       input logic [31:0] divisor,
                                       input logic [1:0]  radicand,
                                       input logic [31:0] digits);
    logic [35:0] minuend, subtrahend, left;
    logic [36:0] difference;
    minuend    = root ? {rest[33:0], radicand} : rest;
    subtrahend = root ? {2'b00, digits, 2'b01} : {4'd0, divisor};
    difference = {1'b0, minuend} - {1'b0, subtrahend};
    left       = difference[36] ? minuend : difference[35:0];
    step       = {!difference[36], root ? left : left << 1};
  endfunction

  logic [36:0] first, second;
  assign first  = step(root_q, rest_q, divisor_q, radicand_q[31:30], digits_q[31:0]);
  assign second = step(root_q, first[35:0], divisor_q, radicand_q[29:28],
                       {digits_q[30:0], first[36]});

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)      busy_q <= 1'b0;
    else if (start_i) busy_q <= 1'b1;
    else if (done_o)  busy_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      root_q     <= root_i;
      count_q    <= root_i ? 5'd15 : 5'd16;
      rest_q     <= root_i ? '0 : {4'd0, a_i};
      radicand_q <= a_i;
      divisor_q  <= b_i;
      digits_q   <= '0;
    end else if (busy_q) begin
      count_q    <= count_q - 5'd1;
      rest_q     <= second[35:0];
      radicand_q <= radicand_q << 4;
      digits_q   <= {digits_q[31:0], first[36], second[36]};
    end
  end

  assign done_o   = busy_q && count_q == '0;
  assign digits_o = {digits_q[33:1], digits_q[0] && !root_q};
endmodule
