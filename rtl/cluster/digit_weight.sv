// SPDX-License-Identifier: Apache-2.0
/// Weights the digit sums of one activation column, and adds them up in the value layout.
///
/// Plane layout: addend r is sum r times 3^plane. Value layout: every addend is s0 + 3 s1 + 9 s2 +
/// 27 s3 + 81 s4. Rows beyond five are signs and stay as they are. A weight is two shift-adds,
/// x + 2x or x + 8x and then y + 8y. Three stages; `en_i[k]` enables stage k. `plane_i` and
/// `value_layout_0_i` come with the sums in stage 0, `value_layout_2_i` with stage 2. Sums and
/// addends are int32; SumBits bits of a sum count, and SumBits + 6 bits of an addend.
module digit_weight #(
  parameter int unsigned SumBits = 15,
  parameter int unsigned Trees   = 5
) (
  input  logic               clk_i,
  input  logic [2:0]         en_i,
  input  logic [2:0]         plane_i,
  input  logic               value_layout_0_i,
  input  logic               value_layout_2_i,
  input  logic [Trees*32-1:0] sums_i,
  output logic [Trees*32-1:0] addends_o
);
  localparam int unsigned AddendBits = SumBits + 6;
  typedef logic signed [AddendBits-1:0] addend_t;

  function automatic addend_t total(input addend_t a, input addend_t b, input addend_t c,
                                    input addend_t d, input addend_t e);
    total = ((a + b) + (c + d)) + e;
  endfunction

  for (genvar r = 0; r < Trees; r++) begin : gen_row
    logic [2:0] power;  // of three
    addend_t    sum, inner_q, outer_q, addend_q;
    logic       by_9_q;

    assign power = r >= tern_pkg::TritsPerByte ? '0 : value_layout_0_i ? 3'(r) : plane_i;
    assign sum   = {{AddendBits-SumBits{sums_i[32*r + SumBits - 1]}}, sums_i[32*r +: SumBits]};

    always_ff @(posedge clk_i) begin
      // Times 3 for 3^1 and 3^3, times 9 for 3^4; then times 9 for 3^2 and above.
      if (en_i[0]) begin
        inner_q <= sum + (power[0] ? sum <<< 1 : power[2] ? sum <<< 3 : '0);
        by_9_q  <= power[1] || power[2];
      end
      if (en_i[1]) outer_q <= inner_q + (by_9_q ? inner_q <<< 3 : '0);
      if (en_i[2]) begin
        addend_q <= r >= tern_pkg::TritsPerByte || !value_layout_2_i ? outer_q :
            total(gen_row[0].outer_q, gen_row[1].outer_q, gen_row[2].outer_q,
                  gen_row[3].outer_q, gen_row[4].outer_q);
      end
    end
    assign addends_o[32*r +: 32] = {{32-AddendBits{addend_q[AddendBits-1]}}, addend_q};
  end
endmodule
