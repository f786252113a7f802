// SPDX-License-Identifier: Apache-2.0
/// Reduces lines of results to a scalar: in four cycles groups of four lanes, the line, the row,
/// and the register. With Registered, magnitudes and pairs of lanes take a cycle each before them.
///
/// `start_i` begins a command. A line is taken with `valid_i`; lanes that are not in `live_i` do
/// not count. `wide_i` takes the 64-bit products instead of the results. The value of a row (or,
/// with `all_i`, of the command) goes out with `write_o`; `done_o` comes with the last one.
module vector_reduce #(
  parameter int unsigned Lanes      = 16,
  parameter bit          Registered = 1'b0
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                start_i,
  input  logic [7:0]          register_i,

  input  logic [2:0]          kind_i,
  input  logic                all_i,
  input  logic                wide_i,

  input  logic                valid_i,
  input  logic [7:0]          live_i,
  input  logic                first_i,
  input  logic                last_i,
  input  logic                ends_i,
  input  logic [32*Lanes-1:0] y_i,
  input  logic [64*Lanes-1:0] product_i,

  output logic                write_o,
  output logic [7:0]          register_o,
  output logic [63:0]         value_o,
  output logic                done_o
);
  localparam int unsigned Groups = Lanes / 4;

  // Maxima are taken of unsigned numbers: magnitudes, or signed values with their sign bit turned.
  // Zero changes neither a maximum nor a sum.
  logic [64*Groups-1:0] groups_q;
  logic [63:0]          line_q, value_q;
  logic                 groups_valid_q, line_valid_q, value_valid_q;
  logic [2:0]           groups_flags_q, line_flags_q;  // first, last, ends
  logic                 value_ends_q, begun_q;
  logic [7:0]           register_q;
  logic                 adds;

  assign adds = kind_i == tern_pkg::ReduceSum;

  function automatic logic [63:0] magnitude(input logic [63:0] value);
    magnitude = value[63] ? -value : value;
  endfunction

  function automatic logic [63:0] prepared(input logic [31:0] y, input logic [63:0] product,
                                           input logic [2:0] kind, input logic wide);
    logic [63:0] value;
    value = wide ? product : {{32{y[31]}}, y};
    case (kind)
      tern_pkg::ReduceMaxAbs: prepared = magnitude(value);
      tern_pkg::ReduceMax:    prepared = {32'd0, !y[31], y[30:0]};
      default:                prepared = value;
    endcase
  endfunction

  function automatic logic [63:0] combined(input logic [63:0] a, input logic [63:0] b,
                                           input logic sum);
    // Magnitudes stay below 2^40.
    if (sum) combined = a + b;
    else     combined = a[39:0] > b[39:0] ? a : b;
  endfunction

  function automatic logic [63:0] combined_line(input logic [64*Groups-1:0] groups,
                                                input logic sum);
    logic [63:0] value;
    value = groups[63:0];
    for (int unsigned g = 1; g < Groups; g++) value = combined(value, groups[64*g +: 64], sum);
    combined_line = value;
  endfunction

  // Only live lanes count.
  localparam int unsigned Pairs = Lanes / 2;
  logic [64*Lanes-1:0] lanes_d, lanes;
  logic [64*Pairs-1:0] pairs_d, pairs;
  logic                pairs_valid;
  logic [2:0]          pairs_flags;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    assign lanes_d[64*i +: 64] = 8'(i) < live_i
        ? prepared(y_i[32*i +: 32], product_i[64*i +: 64], kind_i, wide_i) : '0;
  end

  for (genvar p = 0; p < Pairs; p++) begin : gen_pair
    assign pairs_d[64*p +: 64] = combined(lanes[128*p +: 64], lanes[128*p + 64 +: 64], adds);
  end

  if (Registered) begin : gen_registered
    logic [64*Lanes-1:0] lanes_q;
    logic [64*Pairs-1:0] pairs_q;
    logic                lanes_valid_q, pairs_valid_q;
    logic [2:0]          lanes_flags_q, pairs_flags_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        lanes_valid_q <= 1'b0;
        pairs_valid_q <= 1'b0;
      end else begin
        lanes_valid_q <= valid_i;
        pairs_valid_q <= lanes_valid_q;
      end
    end
    always_ff @(posedge clk_i) begin
      lanes_q       <= lanes_d;
      lanes_flags_q <= {first_i, last_i, ends_i};
      pairs_q       <= pairs_d;
      pairs_flags_q <= lanes_flags_q;
    end
    assign lanes       = lanes_q;
    assign pairs       = pairs_q;
    assign pairs_valid = pairs_valid_q;
    assign pairs_flags = pairs_flags_q;
  end else begin : gen_direct
    assign lanes       = lanes_d;
    assign pairs       = pairs_d;
    assign pairs_valid = valid_i;
    assign pairs_flags = {first_i, last_i, ends_i};
  end

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    always_ff @(posedge clk_i) begin
      if (pairs_valid) begin
        groups_q[64*g +: 64] <= combined(pairs[128*g +: 64], pairs[128*g + 64 +: 64], adds);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      groups_valid_q <= 1'b0;
      line_valid_q   <= 1'b0;
      value_valid_q  <= 1'b0;
    end else begin
      groups_valid_q <= pairs_valid;
      line_valid_q   <= groups_valid_q;
      value_valid_q  <= line_valid_q && (all_i ? line_flags_q[0] : line_flags_q[1]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (pairs_valid) groups_flags_q <= pairs_flags;
    if (groups_valid_q) begin
      line_q       <= combined_line(groups_q, adds);
      line_flags_q <= groups_flags_q;
    end
    if (line_valid_q) begin
      value_q      <= begun_q && !(line_flags_q[2] && !all_i)
                      ? combined(value_q, line_q, adds) : line_q;
      value_ends_q <= line_flags_q[0];
    end
    if (start_i)            begun_q <= 1'b0;
    else if (line_valid_q)  begun_q <= 1'b1;
    if (start_i)            register_q <= register_i;
    else if (value_valid_q) register_q <= register_q + 8'd1;
  end

  assign write_o    = value_valid_q;
  assign register_o = register_q;
  assign value_o    = kind_i == tern_pkg::ReduceMax
                      ? {{33{!value_q[31]}}, value_q[30:0]} : value_q;
  assign done_o     = value_valid_q && value_ends_q;
endmodule
