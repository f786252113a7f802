// SPDX-License-Identifier: Apache-2.0
/// Counters of what a cluster does, for the register file.
///
/// The inputs are counts for this cycle; counters wrap and are cleared by reset. Each cycle of work
/// is counted in exactly one of beats, load beats and the four stalls: the first that applies, in
/// the order beat, load beat, drain, read, wait, idle.
module cluster_counters (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       working_i,
  input  logic                       beat_i,
  input  logic                       load_beat_i,
  input  logic                       stall_drain_i,
  input  logic                       stall_read_i,
  input  logic                       stall_wait_i,
  input  logic                       store_beat_i,
  input  logic [6:0]                 illegal_i,
  input  logic [1:0]                 bus_errors_i,

  output bus_pkg::cluster_counters_t counters_o
);
  logic [31:0] work_q, beats_q, load_beats_q, stall_read_q, stall_drain_q, stall_wait_q, idle_q;
  logic [31:0] store_beats_q, illegal_q, bus_errors_q;
  logic        transfers;

  assign transfers = beat_i || load_beat_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      work_q        <= '0;
      beats_q       <= '0;
      load_beats_q  <= '0;
      stall_read_q  <= '0;
      stall_drain_q <= '0;
      stall_wait_q  <= '0;
      idle_q        <= '0;
      store_beats_q <= '0;
      illegal_q     <= '0;
      bus_errors_q  <= '0;
    end else begin
      beats_q       <= beats_q + 32'(beat_i);
      load_beats_q  <= load_beats_q + 32'(load_beat_i && !beat_i);
      work_q        <= work_q + 32'(working_i || transfers);
      if (working_i && !transfers) begin
        stall_drain_q <= stall_drain_q + 32'(stall_drain_i);
        stall_read_q  <= stall_read_q + 32'(stall_read_i && !stall_drain_i);
        stall_wait_q  <= stall_wait_q + 32'(stall_wait_i && !stall_read_i && !stall_drain_i);
        idle_q        <= idle_q + 32'(!stall_wait_i && !stall_read_i && !stall_drain_i);
      end
      store_beats_q <= store_beats_q + 32'(store_beat_i);
      illegal_q     <= illegal_q + 32'(illegal_i);
      bus_errors_q  <= bus_errors_q + 32'(bus_errors_i);
    end
  end

  assign counters_o = {bus_errors_q, illegal_q, store_beats_q, idle_q, stall_wait_q, stall_drain_q,
                       stall_read_q, load_beats_q, beats_q, work_q};
endmodule
