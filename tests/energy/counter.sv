// SPDX-License-Identifier: Apache-2.0
/// Two bits that count while `en_i` is high.
module counter (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       en_i,
  output logic [1:0] count_o
);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)   count_o <= '0;
    else if (en_i) count_o <= count_o + 2'd1;
  end
endmodule
