// SPDX-License-Identifier: Apache-2.0
/// The commands of a cluster: one queue for the engine, one for the store unit, and one for the
/// segments of memory that the stream reader reads ahead of the engine.
///
/// A checked command comes with `to_stream_i` (LOAD or MATMUL: to the engine, and its segment to
/// the reader) or `to_store_i`; one with neither is not for the cluster. Units take theirs in order
/// and run beside each other. A command is offered when each unit has completed as many commands as
/// its wait counts say (`done_i`, one byte a unit in the order of the enum Unit); a segment already
/// when the stores are, so that memory is read ahead of everything else. `eng_waits_o` tells that
/// the engine has a command, offered or not.
module cluster_queue #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          cmd_valid_i,
  output logic                          cmd_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]  cmd_i,
  input  logic                          to_stream_i,
  input  logic                          to_store_i,
  input  logic [31:0]                   done_i,
  output logic                          empty_o,

  output logic                          seg_valid_o,
  input  logic                          seg_ready_i,
  output logic [tern_pkg::AddrBits-1:0] seg_addr_o,
  output logic [31:0]                   seg_beats_o,

  output logic                          eng_valid_o,
  input  logic                          eng_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  eng_cmd_o,
  output logic                          eng_waits_o,

  output logic                          str_valid_o,
  input  logic                          str_ready_i,
  output logic [tern_pkg::CmdBits-1:0]  str_cmd_o
);
  localparam int unsigned CmdBits   = tern_pkg::CmdBits;
  localparam int unsigned UsageBits = $clog2(Cfg.cmd_depth + 1);
  localparam int unsigned SegBits   = 32 + 32 + 8;
  localparam int unsigned UnitBits  = $clog2(tern_pkg::AddrUnit);

  logic                  seg_room, eng_room, str_room, seg_held, eng_held, str_held;
  logic [UsageBits-1:0]  seg_usage, eng_usage, str_usage;
  logic [31:0]           seg_read_addr;
  logic [7:0]            seg_wait_store;
  tern_pkg::matmul_cmd_t stream_cmd;

  assign stream_cmd  = cmd_i;  // LOAD and MATMUL have read_addr, beats and waits in the same places
  assign cmd_ready_o = to_stream_i ? seg_room && eng_room : str_room;

  fifo #(.Width(SegBits), .Depth(Cfg.cmd_depth)) u_segments (
    .clk_i, .rst_ni,
    .wr_valid_i (cmd_valid_i && to_stream_i && eng_room),
    .wr_ready_o (seg_room),
    .wr_data_i  ({stream_cmd.wait_store, stream_cmd.read_addr, stream_cmd.beats}),
    .rd_valid_o (seg_held),
    .rd_ready_i (seg_valid_o && seg_ready_i),
    .rd_data_o  ({seg_wait_store, seg_read_addr, seg_beats_o}),
    .usage_o    (seg_usage)
  );
  assign seg_valid_o = seg_held && bus_pkg::reached(done_i[31:24], seg_wait_store);
  assign seg_addr_o  = {{tern_pkg::AddrBits - 32 - UnitBits{1'b0}}, seg_read_addr, UnitBits'(0)};

  fifo #(.Width(CmdBits), .Depth(Cfg.cmd_depth)) u_engine (
    .clk_i, .rst_ni,
    .wr_valid_i (cmd_valid_i && to_stream_i && seg_room),
    .wr_ready_o (eng_room),
    .wr_data_i  (cmd_i),
    .rd_valid_o (eng_held),
    .rd_ready_i (eng_valid_o && eng_ready_i),
    .rd_data_o  (eng_cmd_o),
    .usage_o    (eng_usage)
  );
  assign eng_valid_o =
      eng_held && bus_pkg::met(done_i, eng_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);
  assign eng_waits_o = eng_held;

  fifo #(.Width(CmdBits), .Depth(Cfg.cmd_depth)) u_store (
    .clk_i, .rst_ni,
    .wr_valid_i (cmd_valid_i && to_store_i),
    .wr_ready_o (str_room),
    .wr_data_i  (cmd_i),
    .rd_valid_o (str_held),
    .rd_ready_i (str_valid_o && str_ready_i),
    .rd_data_o  (str_cmd_o),
    .usage_o    (str_usage)
  );
  assign str_valid_o =
      str_held && bus_pkg::met(done_i, str_cmd_o[tern_pkg::WaitsLsb +: tern_pkg::WaitsBits]);

  assign empty_o = seg_usage == '0 && eng_usage == '0 && str_usage == '0;

  logic unused_fields;
  assign unused_fields = ^stream_cmd;
endmodule
