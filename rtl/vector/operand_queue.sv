// SPDX-License-Identifier: Apache-2.0
/// Four places for operand lines between the scratchpad, whose answers cannot wait, and the lanes,
/// which can.
///
/// `room_o` says that a request may go out; `request_i` takes a place for it, with the line that
/// it belongs to. Its scalar register is on `scalar_i` two cycles later, its data arrive with
/// `data_valid_i` in the order of the requests, not before the scalar. Four places cover the four
/// cycles from a request to the release of its place, so that a line moves every cycle. With
/// Registered, the line at the head waits in registers, which takes a cycle.
module operand_queue #(
  parameter int unsigned Lanes      = 16,
  parameter bit          Registered = 1'b0
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  output logic                room_o,
  input  logic                request_i,
  input  vector_pkg::line_t   line_i,

  input  logic [31:0]         scalar_i,
  input  vector_pkg::shift_t  shift_i,

  input  logic                data_valid_i,
  input  logic [32*Lanes-1:0] data_i,

  output logic                valid_o,
  input  logic                pop_i,
  output logic [32*Lanes-1:0] data_o,
  output vector_pkg::line_t   line_o,
  output logic [31:0]         scalar_o,
  output vector_pkg::shift_t  shift_o
);
  localparam int unsigned LineBits  = vector_pkg::LineBits;
  localparam int unsigned ShiftBits = 10;

  logic [32*Lanes-1:0]  data_q [4];
  logic [LineBits-1:0]  line_q [4];
  logic [31:0]          scalar_q [4];
  logic [ShiftBits-1:0] shift_q [4];
  logic [1:0]           request_q, asked_place_q, scalar_place_q, arrive_q, head_q;
  logic [2:0]           taken_q, arrived_q;
  logic                 asked_q, scalar_valid_q, take;

  assign room_o = !taken_q[2];

  if (Registered) begin : gen_registered
    logic                valid_out_q;
    logic [32*Lanes-1:0] data_out_q;
    vector_pkg::line_t   line_out_q;
    logic [31:0]         scalar_out_q;
    vector_pkg::shift_t  shift_out_q;

    assign take = arrived_q != '0 && (!valid_out_q || pop_i);
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) valid_out_q <= 1'b0;
      else         valid_out_q <= take || (valid_out_q && !pop_i);
    end
    always_ff @(posedge clk_i) begin
      if (take) begin
        data_out_q   <= data_q[head_q];
        line_out_q   <= line_q[head_q];
        scalar_out_q <= scalar_q[head_q];
        shift_out_q  <= shift_q[head_q];
      end
    end
    assign valid_o  = valid_out_q;
    assign data_o   = data_out_q;
    assign line_o   = line_out_q;
    assign scalar_o = scalar_out_q;
    assign shift_o  = shift_out_q;
  end else begin : gen_direct
    assign take     = pop_i;
    assign valid_o  = arrived_q != '0;
    assign data_o   = data_q[head_q];
    assign line_o   = line_q[head_q];
    assign scalar_o = scalar_q[head_q];
    assign shift_o  = shift_q[head_q];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      request_q      <= '0;
      arrive_q       <= '0;
      head_q         <= '0;
      taken_q        <= '0;
      arrived_q      <= '0;
      asked_q        <= 1'b0;
      scalar_valid_q <= 1'b0;
    end else begin
      request_q      <= request_q + 2'(request_i);
      arrive_q       <= arrive_q + 2'(data_valid_i);
      head_q         <= head_q + 2'(take);
      taken_q        <= taken_q + 3'(request_i) - 3'(take);
      arrived_q      <= arrived_q + 3'(data_valid_i) - 3'(take);
      asked_q        <= request_i;
      scalar_valid_q <= asked_q;
    end
  end

  always_ff @(posedge clk_i) begin
    asked_place_q  <= request_q;
    scalar_place_q <= asked_place_q;
    if (request_i)    line_q[request_q] <= line_i;
    if (data_valid_i) data_q[arrive_q]  <= data_i;
    if (scalar_valid_q) begin
      scalar_q[scalar_place_q] <= scalar_i;
      shift_q[scalar_place_q]  <= shift_i;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertRoom: assert (!request_i || room_o);
      AssertAsked: assert (!data_valid_i || arrived_q < taken_q);
      AssertThere: assert (!pop_i || valid_o);
    end
  end
`endif
endmodule
