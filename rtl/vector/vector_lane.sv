// SPDX-License-Identifier: Apache-2.0
/// A lane of the vector unit: y = sat(shift(x * y + addend)) + z, in six stages.
///
/// Stages, each enabled by its bit of `enable_i` (which comes with the stage's control):
///   operands  x (33 bits), y (33), z (32) from the head of the operand queue and three lines kept
///   partial   two products, with the low 16 and the high 17 bits of y
///   product   their sum in 64 bits, and the addend: nothing, z, or the product two steps ago
///   shift     v * 2^-k without its rounding, see vector_pkg::shift_t
///   result    rounded and saturated to int32; or the point of a curve of this lane
///   output    plus z, saturated (`post_i`), and whether that saturated
module vector_lane #(
  parameter int unsigned Lane = 0
) (
  input  logic               clk_i,

  input  vector_pkg::issue_t issue_i,
  input  vector_pkg::shift_t view_shift_i,
  input  logic [31:0]        head_i,
  input  logic [31:0]        pair_i,
  input  logic [31:0]        scalar_i,
  input  logic               subtract_i,

  input  logic [4:0]         enable_i,
  input  vector_pkg::add_e   add_i,
  input  vector_pkg::shift_t shift_i,
  input  logic               round_i,
  input  logic               is_curve_i,
  input  logic [31:0]        curve_i,
  input  logic               post_i,

  output logic [63:0]        product_o,
  output logic [31:0]        y_o,
  output logic               saturated_o
);
  localparam logic [63:0] Huge = 64'h4000_0000_0000_0000;

  logic [31:0]        first_q, second_q, third_q;
  logic signed [32:0] x_q, y_q;
  logic signed [49:0] low_q, high_q;
  logic [31:0]        z_operands_q, z_partial_q, z_product_q, z_shift_q, z_result_q;
  logic [63:0]        product_q, history_q, shifted_q;
  logic [31:0]        result_q;

  function automatic logic [31:0] view(input logic [31:0] value, input vector_pkg::view_e how,
                                       input logic zero, input logic round,
                                       input logic [5:0] amount);
    logic [31:0] shifted;
    shifted = signed'(value) >>> amount;
    case (how)
      vector_pkg::ViewPositive: view = value[31] ? '0 : value;
      vector_pkg::ViewShifted:  view = zero ? '0 : !round ? value
                                       : {shifted[31], shifted[31:1]} + 32'(shifted[0]);
      default:                  view = value;
    endcase
  endfunction

  function automatic logic [31:0] viewed(input logic [31:0] value);
    viewed = view(value, issue_i.view, view_shift_i.zero, view_shift_i.round,
                  view_shift_i.amount);
  endfunction

  function automatic logic [32:0] widen(input logic [31:0] value);
    widen = {value[31], value};
  endfunction

  function automatic logic [32:0] widen_half(input logic [15:0] value);
    widen_half = {{17{value[15]}}, value};
  endfunction

  function automatic logic [32:0] pick_x(input vector_pkg::x_source_e source,
                                         input logic [31:0] head, input logic [31:0] first,
                                         input logic [31:0] second, input logic [31:0] third);
    case (source)
      vector_pkg::XHead:   pick_x = widen(head);
      vector_pkg::XFirst:  pick_x = widen(first);
      vector_pkg::XSecond: pick_x = widen(second);
      default:             pick_x = widen(third);
    endcase
  endfunction

  function automatic logic [32:0] pick_y(input vector_pkg::y_source_e source,
                                         input logic [31:0] head, input logic [15:0] second,
                                         input logic [31:0] scalar, input logic subtract);
    case (source)
      vector_pkg::YScalar:     pick_y = {1'b0, scalar};
      vector_pkg::YOne:        pick_y = subtract ? '1 : 33'd1;
      vector_pkg::YMinusOne:   pick_y = '1;
      vector_pkg::YLimb:       pick_y = 33'd256;
      vector_pkg::YHead:       pick_y = widen(head);
      vector_pkg::YSecondHalf: pick_y = widen_half(second);
      vector_pkg::YHeadHalf:   pick_y = widen_half(head[15:0]);
      default:                 pick_y = -widen_half(head[15:0]);
    endcase
  endfunction

  function automatic logic [31:0] pick_z(input vector_pkg::z_source_e source,
                                         input logic [31:0] head, input logic [31:0] first,
                                         input logic [31:0] pair);
    case (source)
      vector_pkg::ZNone:  pick_z = '0;
      vector_pkg::ZHead:  pick_z = head;
      vector_pkg::ZFirst: pick_z = first;
      default:            pick_z = pair;
    endcase
  endfunction

  function automatic logic [63:0] pick_addend(input vector_pkg::add_e add, input logic [31:0] z,
                                              input logic [63:0] history);
    case (add)
      vector_pkg::AddZ:       pick_addend = {{32{z[31]}}, z};
      vector_pkg::AddHistory: pick_addend = history;
      default:                pick_addend = '0;
    endcase
  endfunction

  function automatic logic [63:0] shifted(input logic [63:0] value,
                                          input logic zero, input logic saturate,
                                          input logic left, input logic [5:0] amount);
    logic        fits;
    logic [63:0] moved;
    fits  = value[63:31] == '0 || value[63:31] == '1;
    moved = signed'(left ? {value[31:0], 32'd0} : value) >>> amount;  // one shifter for both ways
    if (zero || (saturate && value == '0)) begin
      shifted = '0;
    end else if (saturate || (left && !fits)) begin
      shifted = value[63] ? -Huge : Huge;
    end else begin
      shifted = moved;
    end
  endfunction

  function automatic logic [31:0] limit(input logic negative);
    limit = negative ? 32'h8000_0000 : 32'h7fff_ffff;
  endfunction

  // Only positive values can leave int32 by rounding, since it rounds up.
  function automatic logic [31:0] rounded(input logic [63:0] value, input logic round);
    logic [63:0] floor;
    logic [31:0] sum;
    floor = round ? {value[63], value[63:1]} : value;
    sum   = floor[31:0] + 32'(round && value[0]);
    if (floor[63:31] != '0 && floor[63:31] != '1) rounded = limit(floor[63]);
    else if (!floor[63] && sum[31])               rounded = limit(1'b0);
    else                                          rounded = sum;
  endfunction

  logic [32:0] sum;
  assign sum = {result_q[31], result_q} + {z_result_q[31], z_result_q};

  always_ff @(posedge clk_i) begin
    if (issue_i.load_first)  first_q  <= head_i;
    if (issue_i.load_second) second_q <= head_i;
    if (issue_i.load_third)  third_q  <= head_i;
    if (issue_i.valid) begin
      x_q <= pick_x(issue_i.x, viewed(head_i), first_q, second_q, third_q);
      y_q <= pick_y(issue_i.y, viewed(head_i), second_q[15:0], scalar_i,
                    issue_i.alternate && subtract_i);
      z_operands_q <= pick_z(issue_i.z, viewed(head_i), first_q, pair_i);
    end
    if (enable_i[0]) begin
      low_q       <= 50'(x_q) * 50'(signed'({1'b0, y_q[15:0]}));
      high_q      <= 50'(x_q) * 50'(signed'(y_q[32:16]));
      z_partial_q <= z_operands_q;
    end
    if (enable_i[1]) begin
      product_q   <= {{14{low_q[49]}}, low_q} + {high_q[47:0], 16'd0} +
                     pick_addend(add_i, z_partial_q, history_q);
      history_q   <= product_q;
      z_product_q <= z_partial_q;
    end
    if (enable_i[2]) begin
      shifted_q <= shifted(product_q, shift_i.zero, shift_i.saturate, shift_i.left, shift_i.amount);
      z_shift_q <= z_product_q;
    end
    if (enable_i[3]) begin
      result_q   <= is_curve_i ? curve_i : rounded(shifted_q, round_i);
      z_result_q <= z_shift_q;
    end
    if (enable_i[4]) begin
      y_o         <= !post_i ? result_q : sum[32] != sum[31] ? limit(sum[32]) : sum[31:0];
      saturated_o <= post_i && sum[32] != sum[31];
    end
  end

  assign product_o = product_q;

  logic unused_lane;
  assign unused_lane = ^{Lane, high_q[49:48], view_shift_i, shift_i};
endmodule
