// SPDX-License-Identifier: Apache-2.0
/// Two places between a producer and a consumer: valid, ready and data all come from registers, so
/// that no path leads through. A word takes a cycle, and one moves in every cycle. If not Present:
/// wires.
module elastic #(
  parameter int unsigned Width   = 8,
  parameter bit          Present = 1'b1
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,

  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);
  if (Present) begin : gen_places
    logic             valid_q, waits_q, free;
    logic [Width-1:0] data_q, waiting_q;

    assign free    = !valid_q || ready_i;
    assign ready_o = !waits_q;
    assign valid_o = valid_q;
    assign data_o  = data_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        valid_q <= 1'b0;
        waits_q <= 1'b0;
      end else begin
        if (free) valid_q <= waits_q || valid_i;
        waits_q <= !free && (waits_q || valid_i);
      end
    end

    always_ff @(posedge clk_i) begin
      if (!waits_q) waiting_q <= data_i;
      if (free)     data_q    <= waits_q ? waiting_q : data_i;
    end
  end else begin : gen_wires
    assign valid_o = valid_i;
    assign ready_o = ready_i;
    assign data_o  = data_i;

    logic unused_clock;
    assign unused_clock = ^{clk_i, rst_ni};
  end
endmodule
