// SPDX-License-Identifier: Apache-2.0
/// Sender of asynchronous serial characters: one start bit, eight data bits, one stop bit.
///
/// A bit takes ClocksPerBit16 / 16 cycles on average; each edge is at most one cycle late.
/// Characters are taken by valid/ready and follow each other without a gap.
module uart_tx #(
  parameter int unsigned ClocksPerBit16 = 533
) (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic       valid_i,
  output logic       ready_o,
  input  logic [7:0] data_i,
  output logic       tx_o
);
  localparam int unsigned CountBits = $clog2(2 * ClocksPerBit16);
  typedef logic [CountBits-1:0] count_t;
  localparam count_t Bit   = CountBits'(ClocksPerBit16);
  localparam count_t Cycle = CountBits'(16);

  count_t     count_q;   // sixteenths of a cycle that the bit on the line still takes
  logic [3:0] left_q;    // bits, the one on the line included
  logic [9:0] bits_q;
  logic       bit_ends;

  assign bit_ends = count_q < Cycle;
  assign ready_o  = left_q == '0 || (left_q == 4'd1 && bit_ends);
  assign tx_o     = bits_q[0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      left_q  <= '0;
      bits_q  <= '1;
    end else if (valid_i && ready_o) begin
      // What is left of the last cycle of a character belongs to the next one.
      count_q <= left_q == '0 ? Bit - Cycle : count_q + Bit - Cycle;
      left_q  <= 4'd10;
      bits_q  <= {1'b1, data_i, 1'b0};
    end else if (left_q != '0) begin
      count_q <= bit_ends ? count_q + Bit - Cycle : count_q - Cycle;
      if (bit_ends) begin
        left_q <= left_q - 4'd1;
        bits_q <= {1'b1, bits_q[9:1]};
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    if (ClocksPerBit16 < 128) $fatal(1, "uart_tx: a bit takes less than eight cycles");
  end
`endif
endmodule
