// SPDX-License-Identifier: Apache-2.0
/// Queues of commands, one for each unit, and the scoreboard that holds each command back until what
/// it waits for is done.
///
/// A checked command goes to its unit's queue; a LOAD or MATMUL also leaves its segment of memory in
/// the stream's queue. Units take commands in order and run beside each other. A command is offered
/// when each unit has completed as many commands, modulo 256, as its wait counts say; a segment
/// already when the stores are, so that memory is read ahead of everything else. `done_o` holds the
/// counts, one byte a unit in the order of the enum Unit.
module command_queue #(
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
  localparam int unsigned CmdBits   = tern_pkg::CmdBits;
  localparam int unsigned UsageBits = $clog2(Cfg.cmd_depth + 1);
  localparam int unsigned SegBits   = 32 + 32 + 8;
  localparam int unsigned UnitBits  = $clog2(tern_pkg::AddrUnit);

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

  function automatic logic reached(input logic [7:0] done, input logic [7:0] count);
    reached = 8'(done - count) < 8'd128;
  endfunction

  function automatic logic met(input logic [31:0] done, input logic [31:0] counts);
    met = reached(done[7:0], counts[7:0]) && reached(done[15:8], counts[15:8]) &&
          reached(done[23:16], counts[23:16]) && reached(done[31:24], counts[31:24]);
  endfunction

  logic               valid, ready, to_stream, to_vector, to_store;
  logic [CmdBits-1:0] cmd;

  command_checker #(.Cfg(Cfg)) u_checker (
    .clk_i, .rst_ni,
    .valid_i     (issue_valid_i),
    .ready_o     (issue_ready_o),
    .cmd_i       (issue_cmd_i),
    .valid_o     (valid),
    .ready_i     (ready),
    .cmd_o       (cmd),
    .to_stream_o (to_stream),
    .to_vector_o (to_vector),
    .to_store_o  (to_store),
    .bad_o
  );

  logic                 seg_room, eng_room, vec_room, str_room;
  logic                 seg_held, eng_held, vec_held, str_held;
  logic [UsageBits-1:0] seg_usage, eng_usage, vec_usage, str_usage;
  logic [31:0]          seg_read_addr;
  logic [7:0]           seg_wait_store;
  tern_pkg::matmul_cmd_t stream_cmd;

  assign stream_cmd = cmd;  // LOAD and MATMUL have read_addr, beats and waits in the same places
  assign ready = to_stream ? seg_room && eng_room : to_vector ? vec_room : str_room;

  fifo #(.Width(SegBits), .Depth(Cfg.cmd_depth)) u_segments (
    .clk_i, .rst_ni,
    .wr_valid_i (valid && to_stream && eng_room),
    .wr_ready_o (seg_room),
    .wr_data_i  ({stream_cmd.wait_store, stream_cmd.read_addr, stream_cmd.beats}),
    .rd_valid_o (seg_held),
    .rd_ready_i (seg_valid_o && seg_ready_i),
    .rd_data_o  ({seg_wait_store, seg_read_addr, seg_beats_o}),
    .usage_o    (seg_usage)
  );
  assign seg_valid_o = seg_held && reached(done_q[31:24], seg_wait_store);
  assign seg_addr_o  = {{tern_pkg::AddrBits - 32 - UnitBits{1'b0}}, seg_read_addr, UnitBits'(0)};

  fifo #(.Width(CmdBits), .Depth(Cfg.cmd_depth)) u_engine (
    .clk_i, .rst_ni,
    .wr_valid_i (valid && to_stream && seg_room),
    .wr_ready_o (eng_room),
    .wr_data_i  (cmd),
    .rd_valid_o (eng_held),
    .rd_ready_i (eng_valid_o && eng_ready_i),
    .rd_data_o  (eng_cmd_o),
    .usage_o    (eng_usage)
  );
  assign eng_valid_o = eng_held && met(done_q, eng_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);
  assign eng_waits_o = eng_held;

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
  assign vec_valid_o = vec_held && met(done_q, vec_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);

  fifo #(.Width(CmdBits), .Depth(Cfg.cmd_depth)) u_store (
    .clk_i, .rst_ni,
    .wr_valid_i (valid && to_store),
    .wr_ready_o (str_room),
    .wr_data_i  (cmd),
    .rd_valid_o (str_held),
    .rd_ready_i (str_valid_o && str_ready_i),
    .rd_data_o  (str_cmd_o),
    .usage_o    (str_usage)
  );
  assign str_valid_o = str_held && met(done_q, str_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);

  assign empty_o = seg_usage == '0 && eng_usage == '0 && vec_usage == '0 && str_usage == '0 && !valid;

  logic unused_fields;
  assign unused_fields = ^stream_cmd;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid) assert ($onehot({to_stream, to_vector, to_store}));
  end
`endif
endmodule
