/// Counters of what the chip does, for the register file.
///
/// Each event input is a count for this cycle; counters wrap at their width and are cleared by
/// reset.
module event_counters #(
  parameter int unsigned IllegalBits = 7
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   busy_i,
  input  logic                   beat_i,
  input  logic                   load_beat_i,
  input  logic                   result_beat_i,
  input  logic                   stall_read_i,
  input  logic                   stall_drain_i,
  input  logic [IllegalBits-1:0] illegal_i,

  output logic [63:0]            cycles_o,
  output logic [31:0]            busy_cycles_o,
  output logic [31:0]            beats_o,
  output logic [31:0]            load_beats_o,
  output logic [31:0]            result_beats_o,
  output logic [31:0]            stall_read_o,
  output logic [31:0]            stall_drain_o,
  output logic [31:0]            illegal_o
);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_o       <= '0;
      busy_cycles_o  <= '0;
      beats_o        <= '0;
      load_beats_o   <= '0;
      result_beats_o <= '0;
      stall_read_o   <= '0;
      stall_drain_o  <= '0;
      illegal_o      <= '0;
    end else begin
      cycles_o       <= cycles_o + 64'd1;
      busy_cycles_o  <= busy_cycles_o + 32'(busy_i);
      beats_o        <= beats_o + 32'(beat_i);
      load_beats_o   <= load_beats_o + 32'(load_beat_i);
      result_beats_o <= result_beats_o + 32'(result_beat_i);
      stall_read_o   <= stall_read_o + 32'(stall_read_i);
      stall_drain_o  <= stall_drain_o + 32'(stall_drain_i);
      illegal_o      <= illegal_o + 32'(illegal_i);
    end
  end
endmodule
