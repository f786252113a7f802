// SPDX-License-Identifier: Apache-2.0
/// Both bodies of the ternary array on the same inputs, for comparing their outputs in every cycle.
module array_lockstep #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned ActColumns = Cfg.act_columns,
  localparam int unsigned Trees      = Cfg.trees,
  localparam int unsigned Levels     = $clog2(Columns),
  localparam int unsigned SumsBits   = ActColumns * Trees * 32
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,

  input  logic                            valid_i,
  input  logic [8*Columns-1:0]            weights_i,
  input  logic                            sign_i,
  input  logic [Trees*Columns-1:0]        signs_i,
  input  logic [Columns-1:0]              mask_i,
  input  logic [ActColumns*8*Columns-1:0] planes_i,
  input  logic [3:0]                      columns_i,

  output logic                            tree_valid_o,
  output logic [SumsBits-1:0]             tree_sums_o,
  output logic [Levels:0]                 tree_illegal_o,
  output logic                            fast_valid_o,
  output logic [SumsBits-1:0]             fast_sums_o,
  output logic [Levels:0]                 fast_illegal_o
);
  ternary_array #(.Cfg(Cfg), .FastBody(1'b0)) u_tree (
    .clk_i, .rst_ni, .valid_i, .weights_i, .sign_i, .signs_i, .mask_i, .planes_i, .columns_i,
    .valid_o   (tree_valid_o),
    .sums_o    (tree_sums_o),
    .illegal_o (tree_illegal_o)
  );
  ternary_array #(.Cfg(Cfg), .FastBody(1'b1)) u_fast (
    .clk_i, .rst_ni, .valid_i, .weights_i, .sign_i, .signs_i, .mask_i, .planes_i, .columns_i,
    .valid_o   (fast_valid_o),
    .sums_o    (fast_sums_o),
    .illegal_o (fast_illegal_o)
  );
endmodule
