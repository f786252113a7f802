// SPDX-License-Identifier: Apache-2.0
/// The FPGA of a ULX3S: clock, reset and registers at the pins around board_core.
///
/// Button FIRE1 resets everything. The clock of the SDRAM is a quarter of a period behind, so that a word that it
/// sends is there one period later than without registers at the pins (docs/fpga.md has the derivation).
module ulx3s_top (
  input  logic        clk_25mhz,
  input  logic        fire1,
  input  logic        ftdi_txd,     // from the host
  output logic        ftdi_rxd,     // to the host
  output logic [7:0]  led,
  output logic        wifi_gpio0,

  output logic        sdram_clk,
  output logic        sdram_cke,
  output logic        sdram_csn,
  output logic        sdram_rasn,
  output logic        sdram_casn,
  output logic        sdram_wen,
  output logic [1:0]  sdram_ba,
  output logic [12:0] sdram_a,
  output logic [1:0]  sdram_dqm,
  inout  wire  [15:0] sdram_d
);
  logic clk, memory_clk, rst_n;
  clocks #(.ClockHz(tern_pkg::BoardClockHz), .Eighths(2)) u_clocks (
    .clk_25mhz_i (clk_25mhz),
    .reset_i     (fire1),
    .clk_o       (clk),
    .sdram_clk_o (memory_clk),
    .rst_no      (rst_n)
  );

  logic        cke, cs_n, ras_n, cas_n, we_n, dq_oe;
  logic [1:0]  ba, dqm;
  logic [12:0] a;
  logic [15:0] dq_out, dq_in;
  board_core u_core (
    .clk_i         (clk),
    .rst_ni        (rst_n),
    .uart_rx_i     (ftdi_txd),
    .uart_tx_o     (ftdi_rxd),
    .sdram_cke_o   (cke),
    .sdram_cs_no   (cs_n),
    .sdram_ras_no  (ras_n),
    .sdram_cas_no  (cas_n),
    .sdram_we_no   (we_n),
    .sdram_ba_o    (ba),
    .sdram_a_o     (a),
    .sdram_dqm_o   (dqm),
    .sdram_dq_o    (dq_out),
    .sdram_dq_oe_o (dq_oe),
    .sdram_dq_i    (dq_in),
    .led_o         (led)
  );

  sdram_pins u_pins (
    .clk_i       (clk),
    .sdram_clk_i (memory_clk),
    .cke_i       (cke),
    .cs_ni       (cs_n),
    .ras_ni      (ras_n),
    .cas_ni      (cas_n),
    .we_ni       (we_n),
    .ba_i        (ba),
    .a_i         (a),
    .dqm_i       (dqm),
    .dq_i        (dq_out),
    .dq_oe_i     (dq_oe),
    .dq_o        (dq_in),
    .pin_clk_o   (sdram_clk),
    .pin_cke_o   (sdram_cke),
    .pin_cs_no   (sdram_csn),
    .pin_ras_no  (sdram_rasn),
    .pin_cas_no  (sdram_casn),
    .pin_we_no   (sdram_wen),
    .pin_ba_o    (sdram_ba),
    .pin_a_o     (sdram_a),
    .pin_dqm_o   (sdram_dqm),
    .pin_dq_io   (sdram_d)
  );

  // The ESP32 beside the FPGA boots its own program, not its loader.
  assign wifi_gpio0 = 1'b1;
endmodule
