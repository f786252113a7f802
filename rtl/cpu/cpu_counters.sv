// SPDX-License-Identifier: Apache-2.0
/// The counters mcycle and minstret, 64 bits each: cycles and completed instructions since the core
/// began to run. `clear_i` holds both at zero.
module cpu_counters (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        clear_i,
  input  logic        retire_i,

  input  logic        instret_i,
  input  logic        high_i,
  output logic [31:0] data_o
);
  logic [63:0] cycle_q, instret_q, counter;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_q   <= '0;
      instret_q <= '0;
    end else if (clear_i) begin
      cycle_q   <= '0;
      instret_q <= '0;
    end else begin
      cycle_q <= cycle_q + 64'd1;
      // An enable, not an addend: retire_i comes late in the cycle.
      if (retire_i) instret_q <= instret_q + 64'd1;
    end
  end

  assign counter = instret_i ? instret_q : cycle_q;
  assign data_o  = high_i ? counter[63:32] : counter[31:0];
endmodule
