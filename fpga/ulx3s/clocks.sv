// SPDX-License-Identifier: Apache-2.0
/// Clock and reset of a ULX3S, from its oscillator of 25 MHz.
///
/// `clk_o` runs at ClockHz, a multiple of 12.5 MHz; `sdram_clk_o` has the same frequency and is Eighths / 8 of a
/// period behind. `rst_no` is released in step with `clk_o`, 16 cycles after the PLL has locked, and
/// is low while `reset_i`, which is asynchronous.
module clocks #(
  parameter int unsigned ClockHz = 25000000,
  parameter int unsigned Eighths = 4
) (
  input  logic clk_25mhz_i,
  input  logic reset_i,
  output logic clk_o,
  output logic sdram_clk_o,
  output logic rst_no
);
  // The VCO runs at 600 MHz or a little less, in the middle of its range of 400 to 800 MHz (ECP5 data
  // sheet, sysCLOCK PLL timing). Phases are set in its periods, CLKOS's from CLKOP's on; what CLKOP has is
  // taken over from ecppll of Project Trellis.
  localparam int unsigned InputDivide = ClockHz % 25000000 == 0 ? 1 : 2;  // the phase detector needs 10 MHz
  localparam int unsigned Multiply    = ClockHz / (25000000 / InputDivide);
  localparam int unsigned Divide      = 600000000 / ClockHz;
  localparam int unsigned Phase       = Divide / 2;

  logic locked;
  (* FREQUENCY_PIN_CLKI = "25" *)
  (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *)
  (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
    .PLLRST_ENA       ("DISABLED"),
    .INTFB_WAKE       ("DISABLED"),
    .STDBY_ENABLE     ("DISABLED"),
    .DPHASE_SOURCE    ("DISABLED"),
    .OUTDIVIDER_MUXA  ("DIVA"),
    .OUTDIVIDER_MUXB  ("DIVB"),
    .OUTDIVIDER_MUXC  ("DIVC"),
    .OUTDIVIDER_MUXD  ("DIVD"),
    .CLKI_DIV         (InputDivide),
    .CLKOP_ENABLE     ("ENABLED"),
    .CLKOP_DIV        (Divide),
    .CLKOP_CPHASE     (Phase),
    .CLKOP_FPHASE     (0),
    .CLKOS_ENABLE     ("ENABLED"),
    .CLKOS_DIV        (Divide),
    .CLKOS_CPHASE     (Phase + Divide * Eighths / 8),
    .CLKOS_FPHASE     (Divide * Eighths % 8),
    .FEEDBK_PATH      ("CLKOP"),
    .CLKFB_DIV        (Multiply)
  ) u_pll (
    .RST          (1'b0),
    .STDBY        (1'b0),
    .CLKI         (clk_25mhz_i),
    .CLKOP        (clk_o),
    .CLKOS        (sdram_clk_o),
    .CLKFB        (clk_o),
    .PHASESEL0    (1'b0),
    .PHASESEL1    (1'b0),
    .PHASEDIR     (1'b1),
    .PHASESTEP    (1'b1),
    .PHASELOADREG (1'b1),
    .PLLWAKESYNC  (1'b0),
    .ENCLKOP      (1'b0),
    .LOCK         (locked)
  );

  logic        stop;
  logic [15:0] released_q;
  assign stop = reset_i || !locked;
  always_ff @(posedge clk_o or posedge stop) begin
    if (stop) released_q <= '0;
    else      released_q <= {released_q[14:0], 1'b1};
  end
  assign rst_no = released_q[15];
endmodule
