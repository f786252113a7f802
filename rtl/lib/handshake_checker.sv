// SPDX-License-Identifier: Apache-2.0
`ifndef SYNTHESIS
/// Asserts that a valid/ready port keeps its promise: once valid it stays so, with the same data,
/// until it is taken. Compares only after cycles in which it was not, so that long simulations stay
/// fast ($stable would sample the data in every evaluation).
module handshake_checker #(
  parameter int unsigned Width = 8
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] data_i
);
  logic             held_q;
  logic [Width-1:0] data_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q <= 1'b0;
    end else begin
      held_q <= valid_i && !ready_i;
      if (held_q) begin
        AssertHolds: assert (valid_i && data_i == data_q)
        else $error("%m: valid or data changed before they were taken");
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && !ready_i && !held_q) data_q <= data_i;
  end
endmodule
`endif
