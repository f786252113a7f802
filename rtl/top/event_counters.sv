// SPDX-License-Identifier: Apache-2.0
/// Counters of what the chip does, for the register file.
///
/// The inputs are counts for this cycle; counters wrap and are cleared by reset. Each cycle of work
/// is counted in exactly one of beats, load beats and the four stalls: the first that applies, in
/// the order beat, load beat, drain, read, wait, idle. `counters_o` holds them in the order of
/// their registers.
module event_counters #(
  parameter int unsigned IllegalBits   = 7,
  parameter int unsigned SaturatedBits = 5
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,

  input  logic                     working_i,
  input  logic                     beat_i,
  input  logic                     load_beat_i,
  input  logic                     stall_drain_i,
  input  logic                     stall_read_i,
  input  logic                     stall_wait_i,
  input  logic                     store_beat_i,
  input  logic                     vector_busy_i,
  input  logic                     command_i,
  input  logic [SaturatedBits-1:0] saturated_i,
  input  logic [IllegalBits-1:0]   illegal_i,
  input  logic [1:0]               bus_errors_i,

  output logic [63:0]              cycles_o,
  output logic [32*13-1:0]         counters_o
);
  logic [31:0] work_q, beats_q, load_beats_q, stall_read_q, stall_drain_q, stall_wait_q, idle_q;
  logic [31:0] store_beats_q, vector_q, commands_q, saturations_q, illegal_q, bus_errors_q;
  logic        transfers;

  assign transfers = beat_i || load_beat_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_o      <= '0;
      work_q        <= '0;
      beats_q       <= '0;
      load_beats_q  <= '0;
      stall_read_q  <= '0;
      stall_drain_q <= '0;
      stall_wait_q  <= '0;
      idle_q        <= '0;
      store_beats_q <= '0;
      vector_q      <= '0;
      commands_q    <= '0;
      saturations_q <= '0;
      illegal_q     <= '0;
      bus_errors_q  <= '0;
    end else begin
      cycles_o      <= cycles_o + 64'd1;
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
      vector_q      <= vector_q + 32'(vector_busy_i);
      commands_q    <= commands_q + 32'(command_i);
      saturations_q <= saturations_q + 32'(saturated_i);
      illegal_q     <= illegal_q + 32'(illegal_i);
      bus_errors_q  <= bus_errors_q + 32'(bus_errors_i);
    end
  end

  assign counters_o = {bus_errors_q, illegal_q, saturations_q, commands_q, vector_q, store_beats_q,
                       idle_q, stall_wait_q, stall_drain_q, stall_read_q, load_beats_q, beats_q,
                       work_q};
endmodule
