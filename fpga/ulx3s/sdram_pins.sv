// SPDX-License-Identifier: Apache-2.0
/// SDRAM pins of an ECP5: a register in the cell of every pin, so that all have the same delay.
///
/// They add one cycle on the way out and one on the way in. The chip's clock comes out of the same
/// kind of cell, from a clock of its own phase.
module sdram_pins #(
  parameter int unsigned RowBits = 13
) (
  input  logic               clk_i,
  input  logic               sdram_clk_i,

  input  logic               cke_i,
  input  logic               cs_ni,
  input  logic               ras_ni,
  input  logic               cas_ni,
  input  logic               we_ni,
  input  logic [1:0]         ba_i,
  input  logic [RowBits-1:0] a_i,
  input  logic [1:0]         dqm_i,
  input  logic [15:0]        dq_i,
  input  logic               dq_oe_i,
  output logic [15:0]        dq_o,

  output logic               pin_clk_o,
  output logic               pin_cke_o,
  output logic               pin_cs_no,
  output logic               pin_ras_no,
  output logic               pin_cas_no,
  output logic               pin_we_no,
  output logic [1:0]         pin_ba_o,
  output logic [RowBits-1:0] pin_a_o,
  output logic [1:0]         pin_dqm_o,
  inout  wire  [15:0]        pin_dq_io
);
  localparam int unsigned Outputs = 9 + RowBits;
  logic [Outputs-1:0] outputs, pins;

  assign outputs = {cke_i, cs_ni, ras_ni, cas_ni, we_ni, ba_i, a_i, dqm_i};
  assign {pin_cke_o, pin_cs_no, pin_ras_no, pin_cas_no, pin_we_no, pin_ba_o, pin_a_o, pin_dqm_o} =
      pins;
  for (genvar i = 0; i < Outputs; i++) begin : gen_output
    OFS1P3DX u_register (.SCLK(clk_i), .SP(1'b1), .CD(1'b0), .D(outputs[i]), .Q(pins[i]));
  end

  ODDRX1F u_clock (.SCLK(sdram_clk_i), .RST(1'b0), .D0(1'b1), .D1(1'b0), .Q(pin_clk_o));

  // Each pin has a tristate register of its own: one that is shared could not lie at the pin.
  logic [15:0] data, high_z, read;
  for (genvar i = 0; i < 16; i++) begin : gen_dq
    OFS1P3DX u_data   (.SCLK(clk_i), .SP(1'b1), .CD(1'b0), .D(dq_i[i]),  .Q(data[i]));
    OFS1P3BX u_high_z (.SCLK(clk_i), .SP(1'b1), .PD(1'b0), .D(!dq_oe_i), .Q(high_z[i]));
    IFS1P3DX u_read   (.SCLK(clk_i), .SP(1'b1), .CD(1'b0), .D(read[i]),  .Q(dq_o[i]));
    BB       u_pad    (.I(data[i]), .T(high_z[i]), .O(read[i]), .B(pin_dq_io[i]));
  end
endmodule
