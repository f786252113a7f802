// SPDX-License-Identifier: Apache-2.0
/// Checks commands, gives each to its unit, and keeps the scoreboard that holds each back until
/// what it waits for is done.
///
/// Good commands are shown to the cluster (`clu_*`), which queues LOAD and MATMUL, marked by
/// `to_stream_o`, and STORE, marked by `to_store_o`; those without a mark are VECTOR and SCALAR and
/// go to the vector unit's queue, which is here. Units take commands in order and run beside each
/// other. A command is offered to its unit when each unit has completed as many commands, modulo
/// 256, as its wait counts say. `done_o` holds the counts of completed commands, one byte a unit in
/// the order of the enum Unit.
module command_queue #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          issue_valid_i,
  output logic                          issue_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]  issue_cmd_i,
  output logic                          bad_o,

  output logic                          clu_valid_o,
  input  logic                          clu_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  clu_cmd_o,
  output logic                          to_stream_o,
  output logic                          to_store_o,

  output logic                          vec_valid_o,
  input  logic                          vec_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  vec_cmd_o,

  input  logic                          load_done_i,
  input  logic                          matmul_done_i,
  input  logic                          vector_done_i,
  input  logic                          store_done_i,
  output logic [31:0]                   done_o,
  output logic                          empty_o
);
  localparam int unsigned CmdBits   = tern_pkg::CmdBits;
  localparam int unsigned UsageBits = $clog2(Cfg.cmd_depth + 1);

  // Completion counts.
  logic [31:0] done_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      done_q <= '0;
    end else begin
      done_q[7:0]   <= done_q[7:0]   + 8'(load_done_i);
      done_q[15:8]  <= done_q[15:8]  + 8'(matmul_done_i);
      done_q[23:16] <= done_q[23:16] + 8'(vector_done_i);
      done_q[31:24] <= done_q[31:24] + 8'(store_done_i);
    end
  end
  assign done_o = done_q;

  logic                 valid, ready, to_vector, vec_room, vec_held;
  logic [CmdBits-1:0]   cmd;
  logic [UsageBits-1:0] vec_usage;

  command_checker #(.Cfg(Cfg)) u_checker (
    .clk_i, .rst_ni,
    .valid_i     (issue_valid_i),
    .ready_o     (issue_ready_o),
    .cmd_i       (issue_cmd_i),
    .valid_o     (valid),
    .ready_i     (ready),
    .cmd_o       (cmd),
    .to_stream_o,
    .to_vector_o (to_vector),
    .to_store_o,
    .bad_o
  );
  assign ready       = to_vector ? vec_room : clu_ready_i;
  assign clu_valid_o = valid;
  assign clu_cmd_o   = cmd;

  fifo #(.Width(CmdBits), .Depth(Cfg.cmd_depth)) u_vector (
    .clk_i, .rst_ni,
    .wr_valid_i (valid && to_vector),
    .wr_ready_o (vec_room),
    .wr_data_i  (cmd),
    .rd_valid_o (vec_held),
    .rd_ready_i (vec_valid_o && vec_ready_i),
    .rd_data_o  (vec_cmd_o),
    .usage_o    (vec_usage)
  );
  assign vec_valid_o =
      vec_held && bus_pkg::met(done_q, vec_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);

  assign empty_o = vec_usage == '0 && !valid;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid) assert ($onehot({to_stream_o, to_vector, to_store_o}));
  end
`endif
endmodule
