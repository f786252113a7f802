// SPDX-License-Identifier: Apache-2.0
/// The command queue of the chip and the one of its cluster, as they are in tern_chip: from the
/// port on which commands are issued to the units.
module command_queues #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          issue_valid_i,
  output logic                          issue_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]  issue_cmd_i,
  output logic                          bad_o,

  output logic                          seg_valid_o,
  input  logic                          seg_ready_i,
  output logic [tern_pkg::AddrBits-1:0] seg_addr_o,
  output logic [31:0]                   seg_beats_o,

  output logic                          eng_valid_o,
  input  logic                          eng_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  eng_cmd_o,
  output logic                          eng_waits_o,

  output logic                          vec_valid_o,
  input  logic                          vec_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  vec_cmd_o,

  output logic                          str_valid_o,
  input  logic                          str_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  str_cmd_o,

  input  logic                          load_done_i,
  input  logic                          matmul_done_i,
  input  logic                          vector_done_i,
  input  logic                          store_done_i,
  output logic [31:0]                   done_o,
  output logic                          empty_o
);
  logic                         cmd_valid, cmd_ready, to_stream, to_store;
  logic                         chip_empty, cluster_empty;
  logic [tern_pkg::CmdBits-1:0] cmd;

  command_queue #(.Cfg(Cfg)) u_chip (
    .clk_i, .rst_ni, .issue_valid_i, .issue_ready_o, .issue_cmd_i, .bad_o,
    .clu_valid_o (cmd_valid),
    .clu_ready_i (cmd_ready),
    .clu_cmd_o   (cmd),
    .to_stream_o (to_stream),
    .to_store_o  (to_store),
    .vec_valid_o, .vec_ready_i, .vec_cmd_o,
    .load_done_i, .matmul_done_i, .vector_done_i, .store_done_i, .done_o,
    .empty_o     (chip_empty)
  );

  cluster_queue #(.Cfg(Cfg)) u_cluster (
    .clk_i, .rst_ni,
    .cmd_valid_i (cmd_valid),
    .cmd_ready_o (cmd_ready),
    .cmd_i       (cmd),
    .to_stream_i (to_stream),
    .to_store_i  (to_store),
    .done_i      (done_o),
    .empty_o     (cluster_empty),
    .seg_valid_o, .seg_ready_i, .seg_addr_o, .seg_beats_o,
    .eng_valid_o, .eng_ready_i, .eng_cmd_o, .eng_waits_o,
    .str_valid_o, .str_ready_i, .str_cmd_o
  );

  assign empty_o = chip_empty && cluster_empty;
endmodule
