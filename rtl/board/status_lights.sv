// SPDX-License-Identifier: Apache-2.0
/// Lights that show what a board does; their order is that of board_core's `led_o`.
///
/// An event, however short, lights its lamp until the next tick but one of a timer of a tenth of a second.
module status_lights #(
  parameter int unsigned ClockHz = 75000000
) (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic       rx_i,       // asynchronous
  input  logic       tx_i,
  input  logic       memory_i,
  input  logic       working_i,
  input  logic       command_i,
  input  logic       irq_i,
  output logic [7:0] led_o
);
  localparam int unsigned Tick     = ClockHz / 10;
  localparam int unsigned TickBits = $clog2(Tick);

  logic [TickBits-1:0] count_q;
  logic                tick, blink_q;
  logic [2:0]          tenths_q;
  logic [4:0]          event_q, seen_q, shown_q;

  assign tick = count_q == '0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q  <= '0;
      tenths_q <= '0;
      blink_q  <= 1'b0;
      event_q  <= '0;
      seen_q   <= '0;
      shown_q  <= '0;
    end else begin
      count_q <= tick ? TickBits'(Tick - 1) : count_q - 1'b1;
      event_q <= {command_i, working_i, memory_i, tx_i, rx_i};
      seen_q  <= tick ? event_q : seen_q | event_q;
      if (tick) begin
        shown_q  <= seen_q;
        tenths_q <= tenths_q == 3'd4 ? 3'd0 : tenths_q + 3'd1;
        if (tenths_q == 3'd4) blink_q <= !blink_q;
      end
    end
  end
  assign led_o = {rst_ni, irq_i, shown_q | seen_q, blink_q};
endmodule
