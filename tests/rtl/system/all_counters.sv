// SPDX-License-Identifier: Apache-2.0
/// The counters of a cluster and of the chip, as they are in tern_chip.
module all_counters (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             working_i,
  input  logic             beat_i,
  input  logic             load_beat_i,
  input  logic             stall_drain_i,
  input  logic             stall_read_i,
  input  logic             stall_wait_i,
  input  logic             store_beat_i,
  input  logic             vector_busy_i,
  input  logic             command_i,
  input  logic [4:0]       saturated_i,
  input  logic [6:0]       illegal_i,
  input  logic [1:0]       bus_errors_i,

  output logic [63:0]      cycles_o,
  output logic [32*13-1:0] counters_o
);
  bus_pkg::cluster_counters_t cluster;

  cluster_counters u_cluster (
    .clk_i, .rst_ni, .working_i, .beat_i, .load_beat_i, .stall_drain_i, .stall_read_i,
    .stall_wait_i, .store_beat_i, .illegal_i, .bus_errors_i,
    .counters_o (cluster)
  );

  event_counters #(.SaturatedBits(5)) u_chip (
    .clk_i, .rst_ni,
    .cluster_i (cluster),
    .vector_busy_i, .command_i, .saturated_i, .cycles_o, .counters_o
  );
endmodule
