/// Checks commands and hands each one out: its memory segment to the reader, the command itself to
/// the engine, and its kind to the completion tracker, all in the same cycle.
///
/// A command with a field out of range pulses `bad_o` and goes to the tracker only, as a command
/// that is done without having run. Whether the beats of a command fit its shape is checked by the
/// engine, which counts them anyway. `*_valid_o` depends on all `*_ready_i`: the sinks must not
/// make their ready wait for valid.
module command_decoder #(
  parameter int unsigned Columns    = 64,
  parameter int unsigned ActColumns = 8,
  parameter int unsigned AccDepth   = 52,
  parameter int unsigned ActDepth   = 256
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,

  input  logic                          cmd_valid_i,
  output logic                          cmd_ready_o,
  input  tern_pkg::cmd_t                cmd_i,

  output logic                          seg_valid_o,
  input  logic                          seg_ready_i,
  output logic [tern_pkg::AddrBits-1:0] seg_addr_o,
  output logic [31:0]                   seg_beats_o,

  output logic                          eng_valid_o,
  input  logic                          eng_ready_i,
  output tern_pkg::cmd_t                eng_cmd_o,

  output logic                          trk_valid_o,
  input  logic                          trk_ready_i,
  output logic                          trk_runs_o,
  output logic                          trk_writes_o,

  output logic                          bad_o
);
  localparam int unsigned MaxValueBlock = tern_pkg::TritsPerByte * AccDepth;
  localparam int unsigned UnitBits      = $clog2(tern_pkg::AddrUnit);

  // 16 mod 5 is 1, so that a number and the sum of its hexadecimal digits have the same remainder.
  function automatic logic divides_by_5(input logic [15:0] value);
    logic [5:0] sum;
    logic [4:0] folded;
    sum    = 6'(value[15:12]) + 6'(value[11:8]) + 6'(value[7:4]) + 6'(value[3:0]);
    folded = 5'(sum[5:4]) + 5'(sum[3:0]);
    divides_by_5 = folded == 5'd0 || folded == 5'd5 || folded == 5'd10 || folded == 5'd15;
  endfunction

  tern_pkg::cmd_t cmd;
  logic is_load, is_matmul, is_value;
  logic common_ok, block_ok, rows_ok, matmul_ok, legal;
  logic sinks_ready;

  assign cmd       = cmd_i;
  assign is_load   = cmd.opcode == tern_pkg::OpcodeLoadAct;
  assign is_matmul = cmd.opcode == tern_pkg::OpcodeMatmul;
  assign is_value  = cmd.layout == tern_pkg::LayoutValue;

  assign common_ok = cmd.act_columns != '0 && 32'(cmd.act_columns) <= ActColumns &&
                     cmd.cols != '0 && cmd.cols <= ActDepth * Columns &&
                     cmd.beats != '0 &&
                     cmd.reserved0 == '0 && cmd.reserved1 == '0 && cmd.reserved2 == '0;

  // A block of the value layout ends on a whole result entry, unless it is the only one.
  assign block_ok = cmd.block != '0 && cmd.stripes != '0 &&
                    (is_value ? 32'(cmd.block) <= MaxValueBlock &&
                                (divides_by_5(cmd.block) || 32'(cmd.block) >= cmd.stripes)
                              : 32'(cmd.block) <= AccDepth);
  assign rows_ok  = cmd.rows != '0 &&
                    35'(cmd.rows) <= (is_value ? 35'(cmd.stripes)
                                               : (35'(cmd.stripes) << 2) + 35'(cmd.stripes));
  assign matmul_ok = cmd.planes != '0 && 32'(cmd.planes) <= tern_pkg::MaxPlanes &&
                     (!is_value || cmd.planes == 3'd1) && block_ok && rows_ok;

  assign legal = common_ok && (is_load || (is_matmul && matmul_ok));

  assign sinks_ready = trk_ready_i && (!legal || (seg_ready_i && eng_ready_i));
  assign cmd_ready_o = sinks_ready;
  assign trk_valid_o = cmd_valid_i && sinks_ready;
  assign seg_valid_o = trk_valid_o && legal;
  assign eng_valid_o = trk_valid_o && legal;
  assign bad_o       = trk_valid_o && !legal;

  assign seg_addr_o   = {{tern_pkg::AddrBits - 32 - UnitBits{1'b0}}, cmd.read_addr,
                         {UnitBits{1'b0}}};
  assign seg_beats_o  = cmd.beats;
  assign eng_cmd_o    = cmd;
  assign trk_runs_o   = legal;
  assign trk_writes_o = is_matmul;

`ifndef SYNTHESIS
  handshake_checker #(.Width(tern_pkg::CmdBits)) u_check_command (
    .clk_i,
    .rst_ni,
    .valid_i   (cmd_valid_i),
    .ready_i   (cmd_ready_o),
    .data_i    (cmd_i)
  );
`else
  logic unused_clk;
  assign unused_clk = clk_i ^ rst_ni;
`endif
endmodule
