// SPDX-License-Identifier: Apache-2.0
/// Multiplies the addends of one activation column by the scales of their rows, one for each tree.
/// Addends are int32 of which AddendBits count, scales unsigned numbers of 12 bits. With `en_i` the
/// products, int32, are in `products_o` a cycle later; whoever makes the scales sees to it that they
/// fit.
module scale_multiply #(
  parameter int unsigned AddendBits = 21,
  parameter int unsigned Trees      = 5,
  localparam int unsigned ScaleBits = engine_pkg::ScaleBits
) (
  input  logic                       clk_i,
  input  logic                       en_i,
  input  logic [Trees*ScaleBits-1:0] scales_i,
  input  logic [Trees*32-1:0]        addends_i,
  output logic [Trees*32-1:0]        products_o
);
  localparam int unsigned ProductBits = AddendBits + ScaleBits;

  for (genvar r = 0; r < Trees; r++) begin : gen_row
    logic signed [ScaleBits:0]     scale;
    logic signed [AddendBits-1:0]  addend;
    logic signed [ProductBits-1:0] product;
    logic [31:0]                   product_q;

    assign scale   = {1'b0, scales_i[ScaleBits*r +: ScaleBits]};
    assign addend  = addends_i[32*r +: AddendBits];
    assign product = addend * scale;

    always_ff @(posedge clk_i) begin
      if (en_i) product_q <= 32'(product);
    end
    assign products_o[32*r +: 32] = product_q;

`ifndef SYNTHESIS
    always_ff @(posedge clk_i) begin
      if (en_i) AssertProductFits: assert (64'(signed'(32'(product))) == 64'(product));
    end
`endif
  end

  // Sign extensions of the addends.
  logic unused_addends;
  assign unused_addends = ^addends_i;
endmodule
