// SPDX-License-Identifier: Apache-2.0
/// Decides whether the core runs, and whether the instruction in execution traps, where and why.
///
/// `run_i` and the outputs `running_o`, `trap_o` and `trap_info_o` are those of cpu_core. The other
/// inputs describe the instruction in execution, whose operands are there if `ready_i`.
/// `exception_o` tells that it cannot complete (for a device access, not before `mmio_failed_i`),
/// `trapping_o` that it traps in this cycle, for the reason in `trap_now_o`.
module cpu_traps (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              run_i,
  input  logic              mmio_busy_i,

  input  logic              valid_i,
  input  logic              ready_i,
  input  cpu_pkg::decoded_t decoded_i,
  input  logic [31:0]       insn_i,
  input  logic [31:0]       pc_i,
  input  logic              fetch_fault_i,
  input  logic              taken_i,
  input  logic [31:0]       target_i,
  input  logic [31:0]       addr_i,
  input  logic              misaligned_i,
  input  logic              mapped_i,
  input  logic              mmio_failed_i,

  output logic              exception_o,
  output logic              trapping_o,
  output cpu_pkg::trap_t    trap_now_o,

  output logic              running_o,
  output logic              trap_o,
  output cpu_pkg::trap_t    trap_info_o
);
  logic           access, running_q, trapped_q;
  cpu_pkg::trap_t trap_q;

  assign access = decoded_i.load || decoded_i.store;

  // The first reason in this order counts.
  always_comb begin
    exception_o      = 1'b1;
    trap_now_o.pc    = pc_i;
    trap_now_o.value = addr_i;
    trap_now_o.cause = cpu_pkg::CauseFetchFault;
    if (fetch_fault_i) begin
      trap_now_o.value = pc_i;
    end else if (decoded_i.illegal) begin
      trap_now_o.cause = cpu_pkg::CauseIllegal;
      trap_now_o.value = insn_i;
    end else if (decoded_i.breakpoint) begin
      trap_now_o.cause = cpu_pkg::CauseBreakpoint;
      trap_now_o.value = pc_i;
    end else if (decoded_i.environment_call) begin
      trap_now_o.cause = cpu_pkg::CauseEnvironmentCall;
      trap_now_o.value = '0;
    end else if (taken_i && target_i[1]) begin
      trap_now_o.cause = cpu_pkg::CauseFetchMisaligned;
      trap_now_o.value = target_i;
    end else if (access && misaligned_i) begin
      trap_now_o.cause = decoded_i.store ? cpu_pkg::CauseStoreMisaligned
                                         : cpu_pkg::CauseLoadMisaligned;
    end else if (access && (!mapped_i || mmio_failed_i)) begin
      trap_now_o.cause = decoded_i.store ? cpu_pkg::CauseStoreFault : cpu_pkg::CauseLoadFault;
    end else begin
      exception_o = 1'b0;
    end
  end

  // A fault of the fetch needs no operands: there is no instruction.
  assign trapping_o = running_q && valid_i && exception_o && (fetch_fault_i || ready_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      trapped_q <= 1'b0;
    end else if (!run_i) begin
      running_q <= 1'b0;
      trapped_q <= 1'b0;
    end else if (trapping_o) begin
      running_q <= 1'b0;
      trapped_q <= 1'b1;
    end else if (!trapped_q && !mmio_busy_i) begin
      running_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (trapping_o) trap_q <= trap_now_o;
  end

  assign running_o   = running_q;
  assign trap_o      = trapped_q;
  assign trap_info_o = trap_q;

  logic unused_decoded;
  assign unused_decoded = ^decoded_i;
endmodule
