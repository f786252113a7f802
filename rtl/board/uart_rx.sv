// SPDX-License-Identifier: Apache-2.0
/// Receiver of asynchronous serial characters: one start bit, eight data bits, one stop bit.
///
/// A bit takes ClocksPerBit16 / 16 cycles, at least 8: 533 for 3 Mbaud at 100 MHz. Each bit is the
/// majority of three samples around its middle. `valid_o` pulses with a character, `error_o` when
/// its stop bit is 0; the receiver then waits for the line to be 1 again. A start bit that is gone
/// in its middle is noise and ignored.
module uart_rx #(
  parameter int unsigned ClocksPerBit16 = 533
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,      // not synchronous

  output logic       valid_o,
  output logic [7:0] data_o,
  output logic       error_o
);
  localparam int unsigned CountBits = $clog2(2 * ClocksPerBit16);
  typedef logic [CountBits-1:0] count_t;
  // In sixteenths of a cycle. The synchroniser and the majority delay line and samples alike, but
  // the edge is seen without the majority's one cycle.
  localparam count_t Bit     = CountBits'(ClocksPerBit16);
  localparam count_t HalfBit = CountBits'(ClocksPerBit16 / 2);
  localparam count_t Cycle   = CountBits'(16);

  typedef enum logic [1:0] {StIdle, StBits, StWaitHigh} state_e;
  state_e     state_q;
  logic [4:0] line_q;   // bits 1:0 synchronise
  logic       line, bit_now, sample;
  count_t     count_q;
  logic [3:0] index_q;  // 0: start bit, 1 to 8: data, 9: stop bit
  logic [7:0] data_q;

  assign line    = line_q[2];
  assign bit_now = (line_q[2] && line_q[3]) || (line_q[3] && line_q[4]) || (line_q[2] && line_q[4]);
  assign sample  = state_q == StBits && count_q < Cycle;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      line_q  <= '1;
      state_q <= StWaitHigh;
      count_q <= '0;
      index_q <= '0;
      valid_o <= 1'b0;
      error_o <= 1'b0;
    end else begin
      line_q  <= {line_q[3:0], rx_i};
      valid_o <= sample && index_q == 4'd9 && bit_now;
      error_o <= sample && index_q == 4'd9 && !bit_now;
      case (state_q)
        StIdle: if (!line) begin
          state_q <= StBits;
          count_q <= HalfBit;
          index_q <= '0;
        end
        StBits: begin
          count_q <= sample ? count_q + Bit - Cycle : count_q - Cycle;
          if (sample) begin
            index_q <= index_q + 4'd1;
            if (index_q == '0 && bit_now)  state_q <= StIdle;
            else if (index_q == 4'd9)      state_q <= bit_now ? StIdle : StWaitHigh;
          end
        end
        default: if (line) state_q <= StIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (sample && index_q != '0 && index_q != 4'd9) data_q <= {bit_now, data_q[7:1]};
  end
  assign data_o = data_q;

`ifndef SYNTHESIS
  initial begin
    if (ClocksPerBit16 < 128) $fatal(1, "uart_rx: a bit takes less than eight cycles");
  end
`endif
endmodule
