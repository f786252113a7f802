// SPDX-License-Identifier: Apache-2.0
/// A curve by table and interpolation, in step with vector_lane: operands, table, product,
/// interpolation, and the last shift on `y_o` for the lane's result stage.
///
///   exp2: exp2_q30(max(a - s, -40 * 2^16)) of fixed.hpp, for a <= s. Interpolation in a segment
///         takes 1 to 256 of its 256 steps, so that 2^0 needs no entry of its own.
///   silu: what silu() of silu.hpp adds to max(a, 0), for any a.
///
/// With BlockTables both tables are one memory with a registered read, which an FPGA has in blocks.
module curve_unit #(
  parameter bit BlockTables = 1'b0
) (
  input  logic        clk_i,

  input  logic        silu_i,
  input  logic        valid_i,
  input  logic [31:0] a_i,
  input  logic [31:0] s_i,

  input  logic [2:0]  enable_i,
  output logic [31:0] y_o
);
  logic [31:0]               x_q;  // s - a; the magnitude of a
  tern_tables_pkg::segment_t segment;
  logic [12:0]               steps_q;  // 4096 of a segment
  logic signed [32:0]        value_q, curve_q;
  logic signed [37:0]        product_q;
  logic                      zero_table_q, zero_product_q, zero_curve_q;
  logic [4:0]                shift_table_q, shift_product_q, shift_curve_q;

  // Segments of SiLU double with each octave from 2 = 2^19 on.
  logic [20:0] silu_place;
  always_comb begin
    if (x_q[21])      silu_place = {3'd4, x_q[20:3]};
    else if (x_q[20]) silu_place = {3'd3, x_q[19:2]};
    else if (x_q[19]) silu_place = {3'd2, x_q[18:1]};
    else              silu_place = {2'd0, x_q[18:0]};
  end

  if (BlockTables) begin : gen_block
    (* ram_style = "block", rom_style = "block" *)
    logic [57:0] tables [1024];
    logic [57:0] segment_q;
    initial begin
      for (int i = 0; i < 512; i++) begin
        tables[i]       = tern_tables_pkg::exp2_segment(8'(i));
        tables[512 + i] = tern_tables_pkg::silu_segment(9'(i));
      end
    end
    always_ff @(posedge clk_i) begin
      if (enable_i[0]) segment_q <= tables[{silu_i, silu_i ? silu_place[20:12] : {1'b0, ~x_q[15:8]}}];
    end
    assign segment = segment_q;
  end else begin : gen_logic
    tern_tables_pkg::segment_t segment_q;
    always_ff @(posedge clk_i) begin
      if (enable_i[0]) begin
        segment_q <= silu_i ? tern_tables_pkg::silu_segment(silu_place[20:12])
                            : tern_tables_pkg::exp2_segment(~x_q[15:8]);
      end
    end
    assign segment = segment_q;
  end

  function automatic logic [31:0] shifted(input logic signed [32:0] value,
                                          input logic [4:0] amount);
    logic signed [32:0] floor;
    floor   = value >>> amount;
    shifted = floor[32:1] + 32'(floor[0]);
  endfunction

  always_ff @(posedge clk_i) begin
    if (valid_i) x_q <= silu_i && !a_i[31] ? a_i : (silu_i ? '0 : s_i) - a_i;
    if (enable_i[0]) begin
      steps_q       <= silu_i ? {1'b0, silu_place[11:0]} : {{1'b0, ~x_q[7:0]} + 9'd1, 4'd0};
      zero_table_q  <= silu_i ? x_q[31:22] != '0 : x_q[31:21] != '0;
      shift_table_q <= silu_i ? 5'd5 : x_q[20:16];
    end
    if (enable_i[1]) begin
      product_q       <= 38'(signed'(segment.step)) * 38'(signed'({1'b0, steps_q}));
      value_q         <= segment.value;
      zero_product_q  <= zero_table_q;
      shift_product_q <= shift_table_q;
    end
    if (enable_i[2]) begin
      curve_q       <= value_q + 33'(signed'(product_q[37:12])) + 33'(product_q[11]);
      zero_curve_q  <= zero_product_q;
      shift_curve_q <= shift_product_q;
    end
  end

  assign y_o = zero_curve_q ? '0 : shifted(curve_q, shift_curve_q);

  logic unused_product;
  assign unused_product = ^product_q[10:0];
endmodule
