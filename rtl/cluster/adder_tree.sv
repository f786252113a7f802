// SPDX-License-Identifier: Apache-2.0
/// Adds Operands numbers of Width bits and Operands carries, in a registered tree of pairs.
///
/// A node adds two operands and one carry, and hands the other carry up: n operands have n - 1
/// nodes, so that only one carry is left at the root. The sum of the operands and carries is `sum_o
/// + carry_o`, $clog2(Operands) cycles after the inputs. Level l registers where `en_i[l]` is high;
/// level 0 is the one at the operands. Operands must be a power of two, 2 or more; they are signed
/// where Signed is set.
///
/// Widths are exact: two numbers of w bits and a carry fit in w + 1 bits, signed or not.
module adder_tree #(
  parameter int unsigned Operands = 64,
  parameter int unsigned Width    = 8,
  parameter bit          Signed   = 1'b1,
  localparam int unsigned Levels  = $clog2(Operands)
) (
  input  logic                      clk_i,
  input  logic [Levels-1:0]         en_i,
  input  logic [Operands*Width-1:0] operands_i,
  input  logic [Operands-1:0]       carries_i,
  output logic [Width+Levels-1:0]   sum_o,
  output logic                      carry_o
);
  localparam int unsigned SubWidth = Width + Levels - 1;

  logic [SubWidth-1:0] left, right;
  logic                left_carry, right_carry;
  logic [SubWidth+1:0] sum;

  if (Operands == 2) begin : gen_leaf
    assign {right, left}             = operands_i;
    assign {right_carry, left_carry} = carries_i;
  end else begin : gen_node
    localparam int unsigned Half = Operands / 2;

    adder_tree #(.Operands(Half), .Width(Width), .Signed(Signed)) u_left (
      .clk_i,
      .en_i       (en_i[Levels-2:0]),
      .operands_i (operands_i[Half*Width-1:0]),
      .carries_i  (carries_i[Half-1:0]),
      .sum_o      (left),
      .carry_o    (left_carry)
    );
    adder_tree #(.Operands(Half), .Width(Width), .Signed(Signed)) u_right (
      .clk_i,
      .en_i       (en_i[Levels-2:0]),
      .operands_i (operands_i[Operands*Width-1:Half*Width]),
      .carries_i  (carries_i[Operands-1:Half]),
      .sum_o      (right),
      .carry_o    (right_carry)
    );
  end

  // One adder with a carry in: the lowest bits are 1 and the carry.
  assign sum = {Signed && left[SubWidth-1], left, 1'b1} +
               {Signed && right[SubWidth-1], right, left_carry};

  always_ff @(posedge clk_i) begin
    if (en_i[Levels-1]) begin
      sum_o   <= sum[SubWidth+1:1];
      carry_o <= right_carry;
    end
  end

  logic unused_sum;
  assign unused_sum = sum[0];
endmodule
