// SPDX-License-Identifier: Apache-2.0
/// The register file behind the AXI4-Lite port; offsets and fields are those of tern_pkg.
///
/// Reads of unlisted offsets give 0, writes to them are ignored. Registers are written as whole
/// words: a write with fewer than four strobes changes nothing and is answered with SLVERR. A write
/// response or read datum follows its request by one cycle, except at WINDOW_DATA, whose access
/// (`window_*`, one at a time, held until `window_done_i`) it waits for. Only the bus interface
/// itself and WATCHDOG are reset by `rst_ni` alone; all else that a program can see is cleared by
/// `core_rst_ni` too, which follows a soft reset.
module control_registers #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        core_rst_ni,

  input  logic        awvalid_i,
  output logic        awready_o,
  input  logic [11:0] awaddr_i,
  input  logic        wvalid_i,
  output logic        wready_o,
  input  logic [31:0] wdata_i,
  input  logic [ 3:0] wstrb_i,
  output logic        bvalid_o,
  input  logic        bready_i,
  output logic [ 1:0] bresp_o,
  input  logic        arvalid_i,
  output logic        arready_o,
  input  logic [11:0] araddr_i,
  output logic        rvalid_o,
  input  logic        rready_i,
  output logic [31:0] rdata_o,
  output logic [ 1:0] rresp_o,
  output logic        irq_o,

  output logic        soft_reset_o,
  output logic        run_o,
  output logic [31:0] watchdog_o,

  output logic        mail_in_valid_o,
  output logic [31:0] mail_in_o,
  input  logic [ 7:0] mail_in_room_i,
  output logic        mail_out_pop_o,
  input  logic [31:0] mail_out_i,
  input  logic [ 7:0] mail_out_words_i,

  output logic        window_valid_o,
  output logic        window_write_o,
  output logic [31:0] window_addr_o,
  output logic [31:0] window_data_o,
  input  logic        window_done_i,
  input  logic        window_error_i,
  input  logic [31:0] window_data_i,

  input  logic        busy_i,
  input  logic        working_i,
  input  logic [ 7:0] error_i,
  output logic [31:0] error_o,
  input  logic [31:0] trap_cause_i,
  input  logic [31:0] trap_pc_i,
  input  logic [31:0] trap_value_i,

  input  logic [63:0] cycles_i,
  // WORK_CYCLES to BUS_ERRORS, in the order of their offsets.
  input  logic [32*13-1:0] counters_i
);
  localparam logic [95:0] ConfigWords = tern_pkg::config_words(Cfg);
  localparam int unsigned Counters = 13;

  // The window: one access at a time, a write before a read.
  logic        window_valid_q, window_write_q, window_ends;
  logic [31:0] window_addr_q, window_data_q;
  assign window_valid_o = window_valid_q;
  assign window_write_o = window_write_q;
  assign window_addr_o  = window_addr_q;
  assign window_data_o  = window_data_q;
  assign window_ends    = window_valid_q && window_done_i;

  // Write channel: address and data are taken together.
  logic write, write_ok, write_whole, write_window, bvalid_q, berror_q;
  assign write        = awvalid_i && wvalid_i && !bvalid_q && !window_valid_q;
  assign write_whole  = wstrb_i == '1;
  assign write_ok     = write && write_whole;
  assign write_window = write_ok && awaddr_i == tern_pkg::RegWindowData;
  assign awready_o    = write;
  assign wready_o     = write;
  assign bvalid_o     = bvalid_q;
  assign bresp_o      = {berror_q, 1'b0};

  // Read channel.
  logic read, read_window, rvalid_q, rerror_q;
  assign arready_o   = !rvalid_q && !window_valid_q && !write_window;
  assign read        = arvalid_i && arready_o;
  assign read_window = read && araddr_i == tern_pkg::RegWindowData;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bvalid_q       <= 1'b0;
      berror_q       <= 1'b0;
      window_valid_q <= 1'b0;
      window_write_q <= 1'b0;
    end else begin
      if ((write && !write_window) || (window_ends && window_write_q)) bvalid_q <= 1'b1;
      else if (bready_i) bvalid_q <= 1'b0;
      if (write)                             berror_q <= !write_whole;
      else if (window_ends && window_write_q) berror_q <= window_error_i;
      if (write_window || read_window) window_valid_q <= 1'b1;
      else if (window_done_i)          window_valid_q <= 1'b0;
      if (write_window || read_window) window_write_q <= write_window;
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_window) window_data_q <= wdata_i;
  end

  // Single-cycle actions.
  logic soft_reset, mail_in;
  assign soft_reset = write_ok && awaddr_i == tern_pkg::RegCtrl &&
                      wdata_i[tern_pkg::RegCtrlSoftResetLsb];
  assign mail_in    = write_ok && awaddr_i == tern_pkg::RegMailIn;
  assign soft_reset_o    = soft_reset;
  assign mail_in_valid_o = mail_in && mail_in_room_i != '0;
  assign mail_in_o       = wdata_i;
  assign mail_out_pop_o  = write_ok && awaddr_i == tern_pkg::RegMailState;

  // Writable state.
  logic [7:0]  error_d, error_q;
  logic        run_q, irq_q;
  logic [31:0] watchdog_q;

  always_comb begin
    error_d = error_q;
    if (write_ok && awaddr_i == tern_pkg::RegError) error_d = error_q & ~wdata_i[7:0];
    error_d = error_d | error_i;
    if (mail_in && mail_in_room_i == '0) error_d[tern_pkg::RegErrorMailOverflowLsb] = 1'b1;
  end

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      error_q       <= '0;
      irq_q         <= 1'b0;
      window_addr_q <= '0;
      run_q         <= 1'b0;
    end else begin
      error_q <= error_d;
      irq_q   <= mail_out_words_i != '0 || error_q != '0;
      if (write_ok && awaddr_i == tern_pkg::RegWindowAddr) window_addr_q <= wdata_i;
      else if (window_ends)                                window_addr_q <= window_addr_q + 32'd4;
      if (write_ok && awaddr_i == tern_pkg::RegCtrl) begin
        run_q <= wdata_i[tern_pkg::RegCtrlRunLsb] && !soft_reset;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                                             watchdog_q <= tern_pkg::RegWatchdogReset;
    else if (write_ok && awaddr_i == tern_pkg::RegWatchdog) watchdog_q <= wdata_i;
  end

  assign irq_o      = irq_q;
  assign run_o      = run_q;
  assign watchdog_o = watchdog_q;
  assign error_o    = 32'(error_q);

  // Read data.
  logic [31:0] rdata_d, rdata_q, cycles_hi_q, status;
  assign rvalid_o = rvalid_q;
  assign rdata_o  = rdata_q;
  assign rresp_o  = {rerror_q, 1'b0};
  assign status   = (32'(busy_i) << tern_pkg::RegStatusBusyLsb) |
                    (32'(error_q != '0) << tern_pkg::RegStatusErrorLsb) |
                    (32'(run_q) << tern_pkg::RegStatusRunningLsb) |
                    (32'(working_i) << tern_pkg::RegStatusWorkingLsb);

  always_comb begin
    case (araddr_i)
      tern_pkg::RegId:         rdata_d = tern_pkg::RegIdReset;
      tern_pkg::RegVersion:    rdata_d = tern_pkg::RegVersionReset;
      tern_pkg::RegConfig:     rdata_d = ConfigWords[31:0];
      tern_pkg::RegConfig2:    rdata_d = ConfigWords[63:32];
      tern_pkg::RegConfig3:    rdata_d = ConfigWords[95:64];
      tern_pkg::RegStatus:     rdata_d = status;
      tern_pkg::RegError:      rdata_d = 32'(error_q);
      tern_pkg::RegMailOut:    rdata_d = mail_out_words_i == '0 ? '0 : mail_out_i;
      tern_pkg::RegMailState:  rdata_d = (32'(mail_out_words_i) << tern_pkg::RegMailStateWordsLsb) |
                                         (32'(mail_in_room_i) << tern_pkg::RegMailStateRoomLsb);
      tern_pkg::RegWindowAddr: rdata_d = window_addr_q;
      tern_pkg::RegWatchdog:   rdata_d = watchdog_q;
      tern_pkg::RegTrapCause:  rdata_d = trap_cause_i;
      tern_pkg::RegTrapPc:     rdata_d = trap_pc_i;
      tern_pkg::RegTrapValue:  rdata_d = trap_value_i;
      tern_pkg::RegCyclesLo:   rdata_d = cycles_i[31:0];
      tern_pkg::RegCyclesHi:   rdata_d = cycles_hi_q;
      default:                 rdata_d = '0;
    endcase
    for (int unsigned i = 0; i < Counters; i++) begin
      if (araddr_i == tern_pkg::RegWorkCycles + 12'(4 * i)) rdata_d = counters_i[32*i +: 32];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rvalid_q <= 1'b0;
      rerror_q <= 1'b0;
      rdata_q  <= '0;
    end else if (read && !read_window) begin
      rvalid_q <= 1'b1;
      rerror_q <= 1'b0;
      rdata_q  <= rdata_d;
    end else if (window_ends && !window_write_q) begin
      rvalid_q <= 1'b1;
      rerror_q <= window_error_i;
      rdata_q  <= window_data_i;
    end else if (rready_i) begin
      rvalid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      cycles_hi_q <= '0;
    end else if (read && araddr_i == tern_pkg::RegCyclesLo) begin
      cycles_hi_q <= cycles_i[63:32];
    end
  end

`ifndef SYNTHESIS
  handshake_checker #(.Width(2)) u_check_b (
    .clk_i,
    .rst_ni,
    .valid_i   (bvalid_o),
    .ready_i   (bready_i),
    .data_i    (bresp_o)
  );
  handshake_checker #(.Width(34)) u_check_r (
    .clk_i,
    .rst_ni,
    .valid_i   (rvalid_o),
    .ready_i   (rready_i),
    .data_i    ({rdata_o, rresp_o})
  );
`endif
endmodule
