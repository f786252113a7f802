// SPDX-License-Identifier: Apache-2.0
/// The array's body for synthesis: T5 decoders shared by all activation columns, lanes that select
/// +x, -x or 0, and width-exact registered adder trees. See ternary_array for the interface.
///
/// -x is ~x + 1. The lane gives x or ~x, which fits in the 8 bits of x, and the 1 enters the tree
/// as a carry, so that a lane needs no adder. An activation column that takes no part keeps its
/// registers still.
module ternary_array_tree #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned ActColumns  = 8,
  parameter bit          SignWeights = 1'b0,
  parameter int unsigned Trees       = 5,
  localparam int unsigned Levels     = $clog2(Columns)
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              valid_i,
  input  logic [8*Columns-1:0]              weights_i,
  input  logic                              sign_i,
  input  logic [Trees*Columns-1:0]          signs_i,
  input  logic [Columns-1:0]                mask_i,
  input  logic [ActColumns*8*Columns-1:0]   planes_i,
  input  logic [engine_pkg::ColumnBits-1:0] columns_i,

  output logic                              valid_o,
  output logic [ActColumns*Trees*32-1:0]    sums_o,
  output logic [Levels:0]                   illegal_o
);
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;
  localparam int unsigned Digits     = tern_pkg::TritsPerByte;

  // valid_q[0]: the decoded trits; [1+l]: level l of the trees; [Levels+1]: the outputs.
  logic [Levels+1:0]   valid_q;
  logic [Trees*Columns-1:0] nonzero, negative, nonzero_q, negative_q;
  logic [Columns-1:0]  illegal, illegal_q;
  logic [Levels:0]     illegal_sum;
  logic                illegal_carry;
  logic                sign;

  assign sign = SignWeights && sign_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= {valid_q[Levels:0], valid_i};
  end

  // Bit Columns * r + c is trit r of column c.
  for (genvar c = 0; c < Columns; c++) begin : gen_decode
    logic [Digits-1:0] byte_nonzero, byte_negative;
    t5_decode u_decode (
      .code_i     (weights_i[8*c +: 8]),
      .enable_i   (mask_i[c] && !sign),
      .nonzero_o  (byte_nonzero),
      .negative_o (byte_negative),
      .illegal_o  (illegal[c])
    );
    for (genvar r = 0; r < Trees; r++) begin : gen_trit
      assign nonzero[Columns*r + c]  = (r < Digits && byte_nonzero[r % Digits]) ||
                                       (sign && mask_i[c]);
      assign negative[Columns*r + c] = (r < Digits && byte_negative[r % Digits]) ||
                                       (sign && mask_i[c] && !signs_i[Columns*r + c]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      nonzero_q  <= nonzero;
      negative_q <= negative;
      illegal_q  <= illegal;
    end
  end

  adder_tree #(.Operands(Columns), .Width(1), .Signed(1'b0)) u_illegal (
    .clk_i,
    .en_i       (valid_q[Levels-1:0]),
    .operands_i (illegal_q),
    .carries_i  ({Columns{1'b0}}),
    .sum_o      (illegal_sum),
    .carry_o    (illegal_carry)
  );

  always_ff @(posedge clk_i) begin
    if (valid_q[Levels]) illegal_o <= illegal_sum + {{Levels{1'b0}}, illegal_carry};
  end

  for (genvar m = 0; m < ActColumns; m++) begin : gen_column
    logic                 live;
    logic [Levels-1:0]    live_q;
    logic [8*Columns-1:0] x;

    assign live = valid_q[0] && ColumnBits'(m) < columns_i;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) live_q <= '0;
      else         live_q <= {live_q[Levels-2:0], live};
    end

    for (genvar c = 0; c < Columns; c++) begin : gen_byte
      for (genvar b = 0; b < 8; b++) begin : gen_bit
        assign x[8*c + b] = planes_i[(8*m + b) * Columns + c];
      end
    end

    for (genvar r = 0; r < Trees; r++) begin : gen_row
      logic [8*Columns-1:0] lanes;
      logic [Levels+7:0]    sum;
      logic                 carry;
      logic [31:0]          sum_q;

      for (genvar c = 0; c < Columns; c++) begin : gen_lane
        assign lanes[8*c +: 8] = (x[8*c +: 8] ^ {8{negative_q[Columns*r + c]}}) &
                                 {8{nonzero_q[Columns*r + c]}};
      end

      adder_tree #(.Operands(Columns), .Width(8), .Signed(1'b1)) u_tree (
        .clk_i,
        .en_i       ({live_q[Levels-2:0], live}),
        .operands_i (lanes),
        .carries_i  (negative_q[Columns*r +: Columns]),
        .sum_o      (sum),
        .carry_o    (carry)
      );

      always_ff @(posedge clk_i) begin
        if (valid_q[Levels]) begin
          sum_q <= live_q[Levels-1] ? {{24-Levels{sum[Levels+7]}}, sum} + {31'd0, carry} : '0;
        end
      end
      assign sums_o[32*(Trees*m + r) +: 32] = sum_q;
    end
  end

  assign valid_o = valid_q[Levels+1];

  // Of an array without signs.
  logic unused_signs;
  assign unused_signs = ^signs_i;
endmodule
