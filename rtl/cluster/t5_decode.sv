// SPDX-License-Identifier: Apache-2.0
/// Decodes one T5 byte into five trits, combinationally.
///
/// `code_i` is sum((trit[i] + 1) * 3^i). Trit i is 0 where `nonzero_o[i]` is low, else -1 where
/// `negative_o[i]` is high and +1 where it is low; `negative_o` is low for a trit 0. Codes 243 to
/// 255 raise `illegal_o` and decode to five zeros. While `enable_i` is low all outputs are low.
///
/// The upper three digits come off by comparing and subtracting, over a remainder that shrinks from
/// 8 to 4 bits, the lower two from a table of nine, because that takes less logic than one table of 256
/// codes.
module t5_decode (
  input  logic [7:0] code_i,
  input  logic       enable_i,
  output logic [4:0] nonzero_o,
  output logic [4:0] negative_o,
  output logic       illegal_o
);
  logic       over, legal;
  // Digit i is at least 1, at least 2.
  logic       digit4_ge1, digit4_ge2, digit3_ge1, digit3_ge2, digit2_ge1, digit2_ge2;
  logic [6:0] rest81;
  logic [4:0] rest27;
  logic [3:0] rest9;
  logic [4:0] is0, is1;  // the digit is 0, 1

  assign over      = code_i >= 8'd243;
  assign legal     = enable_i && !over;
  assign illegal_o = enable_i && over;

  assign digit4_ge1 = code_i >= 8'd81;
  assign digit4_ge2 = code_i >= 8'd162;
  assign rest81 = 7'(code_i - (digit4_ge2 ? 8'd162 : digit4_ge1 ? 8'd81 : 8'd0));
  assign digit3_ge1 = rest81 >= 7'd27;
  assign digit3_ge2 = rest81 >= 7'd54;
  assign rest27 = 5'(rest81 - (digit3_ge2 ? 7'd54 : digit3_ge1 ? 7'd27 : 7'd0));
  assign digit2_ge1 = rest27 >= 5'd9;
  assign digit2_ge2 = rest27 >= 5'd18;
  assign rest9  = 4'(rest27 - (digit2_ge2 ? 5'd18 : digit2_ge1 ? 5'd9 : 5'd0));

  assign is0[4:2] = ~{digit4_ge1, digit3_ge1, digit2_ge1};
  assign is1[4:2] = {digit4_ge1 && !digit4_ge2, digit3_ge1 && !digit3_ge2,
                     digit2_ge1 && !digit2_ge2};

  // An illegal code may leave a remainder above 8; what it gives is masked below.
  always_comb begin
    unique case (rest9)
      4'd0:    {is0[1:0], is1[1:0]} = 4'b11_00;
      4'd1:    {is0[1:0], is1[1:0]} = 4'b10_01;
      4'd2:    {is0[1:0], is1[1:0]} = 4'b10_00;
      4'd3:    {is0[1:0], is1[1:0]} = 4'b01_10;
      4'd4:    {is0[1:0], is1[1:0]} = 4'b00_11;
      4'd5:    {is0[1:0], is1[1:0]} = 4'b00_10;
      4'd6:    {is0[1:0], is1[1:0]} = 4'b01_00;
      4'd7:    {is0[1:0], is1[1:0]} = 4'b00_01;
      4'd8:    {is0[1:0], is1[1:0]} = 4'b00_00;
      default: {is0[1:0], is1[1:0]} = 4'bxx_xx;
    endcase
  end

  assign nonzero_o  = ~is1 & {5{legal}};
  assign negative_o = is0 & {5{legal}};
endmodule
