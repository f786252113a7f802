// SPDX-License-Identifier: Apache-2.0
/// The controller: the core, its two memories, a port through which the host loads and reads them,
/// and one that reads the data memory for the tape player. What is inside is for nobody outside to know: another core with a fetch port and a data
/// port can take cpu_core's place.
///
/// `run_i`, `trap_o`, `trap_info_o`, `mmio_*` and `retire_o` are those of cpu_core.
///
/// The host's port uses the core's addresses; the lowest two bits are ignored. A request that is
/// taken (`host_valid_i && host_ready_o`) is answered in the next cycle by `host_done_o`, with
/// `host_data_o` for a read. The data memory is open at any time, but the core and the tape go
/// first: the host waits while they use it, a few cycles in any program that is not all loads and
/// stores. The instruction memory is open while the core does not run. Anything else is answered
/// with `host_error_o` and has no effect.
///
/// The tape's port reads the word at a byte offset in the data memory, modulo its size; a request
/// that is taken is answered in the next cycle. The core goes first.
module controller #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter logic [31:0] InstrBase  = 32'h0000_0000,
  parameter logic [31:0] DataBase   = 32'h1000_0000,
  parameter logic [31:0] MmioBase   = 32'h8000_0000,
  parameter int unsigned MmioBytes  = 32'h8000_0000,
  parameter logic [31:0] BootPc     = InstrBase,
  parameter bit          Trace      = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             run_i,
  output logic             trap_o,
  output cpu_pkg::trap_t   trap_info_o,

  input  logic             host_valid_i,
  output logic             host_ready_o,
  input  logic             host_write_i,
  input  logic [31:0]      host_addr_i,
  input  logic [3:0]       host_strobe_i,
  input  logic [31:0]      host_data_i,
  output logic             host_done_o,
  output logic             host_error_o,
  output logic [31:0]      host_data_o,

  input  logic             tape_valid_i,
  output logic             tape_ready_o,
  input  logic [15:0]      tape_addr_i,
  output logic [31:0]      tape_data_o,

  output logic             mmio_valid_o,
  input  logic             mmio_ready_i,
  output logic             mmio_write_o,
  output logic [31:0]      mmio_addr_o,
  output logic [3:0]       mmio_strobe_o,
  output logic [31:0]      mmio_data_o,
  input  logic [31:0]      mmio_data_i,
  input  logic             mmio_error_i,

  output cpu_pkg::retire_t retire_o
);
  localparam int unsigned InstrBytes = Cfg.instr_bytes;
  localparam int unsigned DataBytes  = Cfg.data_bytes;
  localparam int unsigned InstrBits = $clog2(InstrBytes);
  localparam int unsigned DataBits  = $clog2(DataBytes);

  logic        running, fetch, ram_valid;
  logic [31:0] fetch_addr, fetch_data, ram_addr, ram_write_data, ram_read_data;
  logic [3:0]  ram_strobe, host_strobe;
  logic        to_instr, to_data, accept, access, access_instr, access_data;
  logic        done_q, error_q, instr_q;

  cpu_core #(
    .InstrBase(InstrBase), .InstrBytes(InstrBytes), .DataBase(DataBase), .DataBytes(DataBytes),
    .MmioBase(MmioBase), .MmioBytes(MmioBytes), .BootPc(BootPc), .Trace(Trace),
    .SmallFabric(Cfg.small_fabric)
  ) u_core (
    .clk_i, .rst_ni, .run_i,
    .running_o    (running),
    .trap_o, .trap_info_o,
    .fetch_o      (fetch),
    .fetch_addr_o (fetch_addr),
    .fetch_data_i (fetch_data),
    .ram_valid_o  (ram_valid),
    .ram_addr_o   (ram_addr),
    .ram_strobe_o (ram_strobe),
    .ram_data_o   (ram_write_data),
    .ram_data_i   (ram_read_data),
    .mmio_valid_o, .mmio_ready_i, .mmio_write_o, .mmio_addr_o, .mmio_strobe_o, .mmio_data_o,
    .mmio_data_i, .mmio_error_i,
    .retire_o
  );

  assign to_instr     = ((host_addr_i ^ InstrBase) & ~(InstrBytes - 1)) == '0;
  assign to_data      = ((host_addr_i ^ DataBase) & ~(DataBytes - 1)) == '0;
  assign tape_ready_o = !ram_valid;
  assign tape_data_o  = ram_read_data;
  assign host_ready_o = !(to_data && (ram_valid || tape_valid_i));
  assign accept       = host_valid_i && host_ready_o;
  // A write without strobes would be a read: it is accepted, and nothing happens.
  assign access       = accept && (!host_write_i || host_strobe_i != 4'b0000);
  assign access_instr = access && to_instr && !running;
  assign access_data  = access && to_data;
  assign host_strobe  = host_write_i ? host_strobe_i : 4'b0000;

  logic [DataBits-3:0] data_word;
  always_comb begin
    data_word = host_addr_i[DataBits-1:2];
    if (tape_valid_i) data_word = tape_addr_i[DataBits-1:2];
    if (ram_valid)    data_word = ram_addr[DataBits-1:2];
  end

  cpu_memory #(.Bytes(InstrBytes)) u_instructions (
    .clk_i,
    .valid_i  (fetch || access_instr),
    .word_i   (running ? fetch_addr[InstrBits-1:2] : host_addr_i[InstrBits-1:2]),
    .strobe_i (running ? 4'b0000 : host_strobe),
    .data_i   (host_data_i),
    .data_o   (fetch_data)
  );

  cpu_memory #(.Bytes(DataBytes)) u_data (
    .clk_i,
    .valid_i  (ram_valid || tape_valid_i || access_data),
    .word_i   (data_word),
    .strobe_i (ram_valid ? ram_strobe : tape_valid_i ? 4'b0000 : host_strobe),
    .data_i   (ram_valid ? ram_write_data : host_data_i),
    .data_o   (ram_read_data)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      done_q  <= 1'b0;
      error_q <= 1'b0;
      instr_q <= 1'b0;
    end else begin
      done_q  <= accept;
      error_q <= accept && !to_data && !(to_instr && !running);
      instr_q <= to_instr;
    end
  end

  assign host_done_o  = done_q;
  assign host_error_o = error_q;
  assign host_data_o  = instr_q ? fetch_data : ram_read_data;

  logic unused_addr;
  assign unused_addr = ^{fetch_addr[31:InstrBits], fetch_addr[1:0],
                         ram_addr[31:DataBits], ram_addr[1:0], host_addr_i[1:0], tape_addr_i};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) AssertFetchWhileRunning: assert (!fetch || running);
  end

  handshake_checker #(.Width(69)) u_check_host (
    .clk_i, .rst_ni,
    .valid_i (host_valid_i),
    .ready_i (host_ready_o),
    .data_i  ({host_write_i, host_addr_i, host_strobe_i, host_data_i})
  );
`endif
endmodule
