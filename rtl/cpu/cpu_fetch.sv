// SPDX-License-Identifier: Apache-2.0
/// Fetches instructions in order from a memory that answers in the next cycle and holds its answer
/// while `fetch_o` is low.
///
/// While `run_i` is low nothing is fetched, and the next address is BootPc. `valid_o` tells that
/// the memory's answer is the instruction at `pc_o`; it stays until `next_i`. `next_pc_o` is then
/// pc_o + 4.
/// `redirect_i` together with `next_i` goes on at `target_i` instead, which costs one cycle without
/// an instruction: the target is registered first, to keep execution out of the memory's address.
/// `fault_o` goes with `valid_o`: the address is outside of the instruction memory.
module cpu_fetch #(
  parameter logic [31:0] InstrBase  = 32'h0000_0000,
  parameter int unsigned InstrBytes = 32768,
  parameter logic [31:0] BootPc     = InstrBase
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        run_i,

  input  logic        next_i,
  input  logic        redirect_i,
  input  logic [31:0] target_i,

  output logic        valid_o,
  output logic [31:0] pc_o,
  output logic [31:0] next_pc_o,
  output logic        fault_o,

  output logic        fetch_o,
  output logic [31:0] fetch_addr_o
);
  logic        valid_q, fault_q, outside;
  logic [31:0] pc_q, next_pc_q;

  // The memory is as large as its alignment, so that only the upper bits need a look.
  assign outside      = ((next_pc_q ^ InstrBase) & ~(InstrBytes - 1)) != '0;
  assign fetch_addr_o = next_pc_q;
  assign fetch_o      = run_i && next_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q   <= 1'b0;
      fault_q   <= 1'b0;
      pc_q      <= '0;
      next_pc_q <= BootPc;
    end else if (!run_i) begin
      valid_q   <= 1'b0;
      next_pc_q <= BootPc;
    end else if (next_i) begin
      valid_q   <= !redirect_i;
      fault_q   <= outside;
      pc_q      <= next_pc_q;
      next_pc_q <= redirect_i ? target_i : next_pc_q + 32'd4;
    end
  end

  assign valid_o   = valid_q;
  assign pc_o      = pc_q;
  assign next_pc_o = next_pc_q;
  assign fault_o   = fault_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_q) begin
      AssertNextFollows: assert (next_pc_q == pc_q + 32'd4);
      AssertAligned: assert (pc_q[1:0] == 2'b00);
    end
  end
`endif
endmodule
