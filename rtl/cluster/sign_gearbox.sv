// SPDX-License-Identifier: Apache-2.0
/// Turns beats of eight rows of signs into stripes of five: eight stripes from five beats.
///
/// Bit i of byte c of `beat_i` is the sign of row i in column c. With `step_i` the next stripe is
/// taken from `signs_o`, bit Columns * r + c for its row r and column c: from the rows that wait
/// here if `held_o`, else from those and `beat_i`, which is taken too. After eight stripes nothing
/// waits.
module sign_gearbox #(
  parameter int unsigned Columns = 64,
  localparam int unsigned Rows   = tern_pkg::TritsPerByte
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    step_i,
  input  logic [8*Columns-1:0]    beat_i,
  output logic                    held_o,
  output logic [Rows*Columns-1:0] signs_o
);
  // Rows that wait. Eight come and five leave, or only five leave: three more, modulo 8.
  logic [2:0] count_q;

  assign held_o = count_q >= 3'(Rows);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)     count_q <= '0;
    else if (step_i) count_q <= count_q + 3'd3;
  end

  for (genvar c = 0; c < Columns; c++) begin : gen_column
    logic [6:0]  rest_q;  // the rows that wait, oldest first, and zeros
    logic [11:0] rows;

    assign rows = 12'(rest_q) | (held_o ? 12'd0 : 12'(beat_i[8*c +: 8]) << count_q);

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni)     rest_q <= '0;
      else if (step_i) rest_q <= rows[11:5];
    end

    for (genvar r = 0; r < Rows; r++) begin : gen_row
      assign signs_o[Columns*r + c] = rows[r];
    end
  end
endmodule
