// SPDX-License-Identifier: Apache-2.0
/// Whose request goes out next: of two that wait, the one that was not served last.
///
/// `start_o` pulses in the first cycle in which a request is offered; that needs `room_i`. From then
/// on `choice_o` stays until the request is taken.
module axi_turn (
  input  logic       clk_i,
  input  logic       rst_ni,

  input  logic [1:0] valid_i,
  input  logic       room_i,
  output logic       valid_o,
  input  logic       ready_i,
  output logic       choice_o,
  output logic       start_o
);
  logic offered_q, last_q;

  assign choice_o = offered_q ? last_q : (valid_i[!last_q] ? !last_q : last_q);
  assign start_o  = !offered_q && valid_i != '0 && room_i;
  assign valid_o  = offered_q || start_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      offered_q <= 1'b0;
      last_q    <= 1'b1;
    end else begin
      offered_q <= valid_o && !ready_i;
      if (valid_o) last_q <= choice_o;
    end
  end
endmodule
