// SPDX-License-Identifier: Apache-2.0
/// Counters of what the chip does beside its clusters, and all counters in the order of their
/// registers (`counters_o`).
///
/// The inputs are counts for this cycle; counters wrap and are cleared by reset.
module event_counters #(
  parameter int unsigned SaturatedBits = 5
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  bus_pkg::cluster_counters_t cluster_i,
  input  logic                       vector_busy_i,
  input  logic                       command_i,
  input  logic [SaturatedBits-1:0]   saturated_i,

  output logic [63:0]                cycles_o,
  output logic [32*13-1:0]           counters_o
);
  logic [31:0] vector_q, commands_q, saturations_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_o      <= '0;
      vector_q      <= '0;
      commands_q    <= '0;
      saturations_q <= '0;
    end else begin
      cycles_o      <= cycles_o + 64'd1;
      vector_q      <= vector_q + 32'(vector_busy_i);
      commands_q    <= commands_q + 32'(command_i);
      saturations_q <= saturations_q + 32'(saturated_i);
    end
  end

  assign counters_o = {cluster_i.bus_errors, cluster_i.illegal, saturations_q, commands_q, vector_q,
                       cluster_i.store_beats, cluster_i.stall_idle, cluster_i.stall_wait,
                       cluster_i.stall_drain, cluster_i.stall_read, cluster_i.load_beats,
                       cluster_i.beats, cluster_i.work};
endmodule
