// SPDX-License-Identifier: Apache-2.0
/// The weights of five rows and Columns columns, decoded into registers: what stands before the
/// lanes of the array. T5: byte c of `weights_i` is column c's code; otherwise bits 2 * (5 * c + r)
/// of `weights_i` are row r's weight in two bits, low "not zero", high "negative" (low for a zero).
module weight_decoder #(
  parameter int unsigned Columns     = 16,
  parameter bit          T5          = 1'b1,
  localparam int unsigned ColumnBits = T5 ? 8 : 10
) (
  input  logic                          clk_i,

  input  logic                          valid_i,
  input  logic [ColumnBits*Columns-1:0] weights_i,

  output logic [5*Columns-1:0]          nonzero_o,
  output logic [5*Columns-1:0]          negative_o
);
  logic [5*Columns-1:0] nonzero, negative;

  for (genvar c = 0; c < Columns; c++) begin : gen_column
    if (T5) begin : gen_t5
      logic unused_illegal;
      t5_decode u_decode (
        .code_i     (weights_i[8*c +: 8]),
        .enable_i   (1'b1),
        .nonzero_o  (nonzero[5*c +: 5]),
        .negative_o (negative[5*c +: 5]),
        .illegal_o  (unused_illegal)
      );
    end else begin : gen_pairs
      for (genvar r = 0; r < 5; r++) begin : gen_row
        assign nonzero[5*c + r]  = weights_i[2*(5*c + r)];
        assign negative[5*c + r] = weights_i[2*(5*c + r) + 1];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      nonzero_o  <= nonzero;
      negative_o <= negative;
    end
  end
endmodule
