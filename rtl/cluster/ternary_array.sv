// SPDX-License-Identifier: Apache-2.0
/// Five rows by Columns trits, times ActColumns columns of int8: 5 * ActColumns exact sums a cycle;
/// with eight Trees eight rows of signs likewise.
///
/// A beat is `weights_i` (Columns T5 bytes, byte c for column c) with `mask_i` (a byte whose bit is
/// low counts as five zeros) in a cycle with `valid_i`. With Cfg.sign_weights and `sign_i` its trits are
/// those of `signs_i` instead, bit Columns * r + c for row r < Trees and column c: +1 where it is
/// high, -1 where it is low, 0 where the mask is. Its activations come one cycle later, as a
/// memory gives them: bit (8*m + b) * Columns + c of `planes_i` is bit b of the int8 of column c
/// for activation column m, and only columns m < `columns_i` take part. $clog2(Columns) + 2 cycles
/// after the weights `valid_o` is high, with the beat's sums: int32 number Trees*m + r of `sums_o`
/// is sum over c of trit r of byte c * x[m][c], and 0 in columns that take no part and in rows that
/// a byte does not have; `illegal_o` counts
/// the unmasked illegal codes, which act as zeros. A beat can enter every cycle; the outputs hold
/// until the next beat's. Columns is a power of two, 4 or more (fast body: 8 to 64).
///
/// Two bodies, equal to the bit and to the cycle: the adder trees, which are synthesised, and with
/// FastBody one for long simulations.
module ternary_array #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned ActColumns = Cfg.act_columns,
  localparam int unsigned Trees      = Cfg.trees,
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
  if (FastBody) begin : gen_fast
    ternary_array_fast #(
      .Columns(Columns), .ActColumns(ActColumns), .SignWeights(Cfg.sign_weights), .Trees(Trees)
    ) u_body (
      .clk_i, .rst_ni,
      .valid_i, .weights_i, .sign_i, .signs_i, .mask_i, .planes_i, .columns_i,
      .valid_o, .sums_o, .illegal_o
    );
  end else begin : gen_tree
    ternary_array_tree #(
      .Columns(Columns), .ActColumns(ActColumns), .SignWeights(Cfg.sign_weights), .Trees(Trees)
    ) u_body (
      .clk_i, .rst_ni,
      .valid_i, .weights_i, .sign_i, .signs_i, .mask_i, .planes_i, .columns_i,
      .valid_o, .sums_o, .illegal_o
    );
  end
endmodule
