/// exp2_q30(max(a - s, -40 * 2^16)) of fixed.hpp, in step with vector_lane: operands, table,
/// product, interpolation, and the last shift on `y_o` for the lane's result stage.
///
/// For a <= s. Interpolation in a segment of the table takes 1 to 256 of its 256 steps, so that
/// 2^0 needs no entry of its own.
module exp2_unit (
  input  logic        clk_i,

  input  logic        valid_i,
  input  logic [31:0] a_i,
  input  logic [31:0] s_i,

  input  logic [2:0]  enable_i,
  output logic [31:0] y_o
);
  logic [31:0]              below_q;
  tern_tables_pkg::segment_t segment_q;
  logic [8:0]               steps_q;
  logic [31:0]              value_q, power_q;
  logic [32:0]              product_q;
  logic                     zero_table_q, zero_product_q, zero_power_q;
  logic [4:0]               whole_table_q, whole_product_q, whole_power_q;

  function automatic logic [31:0] shifted(input logic [31:0] value, input logic [4:0] whole);
    logic [31:0] floor;
    floor   = value >> whole;
    shifted = {1'b0, floor[31:1]} + 32'(floor[0]);
  endfunction

  always_ff @(posedge clk_i) begin
    if (valid_i) below_q <= s_i - a_i;
    if (enable_i[0]) begin
      segment_q     <= tern_tables_pkg::exp2_segment(~below_q[15:8]);
      steps_q       <= {1'b0, ~below_q[7:0]} + 9'd1;
      zero_table_q  <= below_q[31:21] != '0;
      whole_table_q <= below_q[20:16];
    end
    if (enable_i[1]) begin
      product_q       <= 33'(segment_q.step) * 33'(steps_q);
      value_q         <= segment_q.value;
      zero_product_q  <= zero_table_q;
      whole_product_q <= whole_table_q;
    end
    if (enable_i[2]) begin
      power_q       <= value_q + {7'd0, product_q[32:8]} + 32'(product_q[7]);
      zero_power_q  <= zero_product_q;
      whole_power_q <= whole_product_q;
    end
  end

  assign y_o = zero_power_q ? '0 : shifted(power_q, whole_power_q);

  logic unused_product;
  assign unused_product = ^product_q[6:0];
endmodule
