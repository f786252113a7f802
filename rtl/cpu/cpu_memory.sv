// SPDX-License-Identifier: Apache-2.0
/// A memory of the controller: one port, byte strobes, data a cycle after the address.
///
/// Each cycle with `valid_i` reads a word, if no strobe is set, or writes the bytes whose strobes
/// are. A read's data comes in the next cycle and stays until the next read.
module cpu_memory #(
  parameter int unsigned Bytes = 32768,
  localparam int unsigned WordBits = $clog2(Bytes / 4)
) (
  input  logic                clk_i,

  input  logic                valid_i,
  input  logic [WordBits-1:0] word_i,
  input  logic [3:0]          strobe_i,
  input  logic [31:0]         data_i,
  output logic [31:0]         data_o
);
  (* ram_style = "block" *) logic [31:0] mem_q [Bytes / 4];

  // Reads or writes, never both: what a single port of block RAM can do.
  always_ff @(posedge clk_i) begin
    if (valid_i && strobe_i == 4'b0000) data_o <= mem_q[word_i];
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && strobe_i[0]) mem_q[word_i][7:0]   <= data_i[7:0];
    if (valid_i && strobe_i[1]) mem_q[word_i][15:8]  <= data_i[15:8];
    if (valid_i && strobe_i[2]) mem_q[word_i][23:16] <= data_i[23:16];
    if (valid_i && strobe_i[3]) mem_q[word_i][31:24] <= data_i[31:24];
  end
endmodule
