// SPDX-License-Identifier: Apache-2.0
/// The host's side of the chip: control registers, mailbox and window for the host, the controller
/// with its firmware and its devices, and what tells of the rest of the chip: errors, counters,
/// watchdog.
///
///   registers -> mailbox, window -> controller -> device bus -> commands (`issue_*`)
///                                                            -> vector unit, scratchpad
///
/// The host's window goes to the controller's memories or, while it does not run, to the devices.
/// What goes wrong is kept in ERROR, with the traps of the controller and the watchdog, which fires
/// after so many cycles of work in which nothing moved.
///
/// A soft reset raises `stop_o`, which keeps the controller and its commands back, waits until no
/// burst is in flight, and lowers `core_rst_no` for a cycle: that resets all of the chip but the
/// bus interface and WATCHDOG. `busy_i` is about the rest of the chip. The names of `monitor_o` are
/// those of monitor_t.
module host_side #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned SatBits = $clog2(Cfg.lanes + 1)
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  output logic                      core_rst_no,
  output logic                      stop_o,

  input  logic                      s_axil_awvalid_i,
  output logic                      s_axil_awready_o,
  input  logic [11:0]               s_axil_awaddr_i,
  input  logic                      s_axil_wvalid_i,
  output logic                      s_axil_wready_o,
  input  logic [31:0]               s_axil_wdata_i,
  input  logic [3:0]                s_axil_wstrb_i,
  output logic                      s_axil_bvalid_o,
  input  logic                      s_axil_bready_i,
  output logic [1:0]                s_axil_bresp_o,
  input  logic                      s_axil_arvalid_i,
  output logic                      s_axil_arready_o,
  input  logic [11:0]               s_axil_araddr_i,
  output logic                      s_axil_rvalid_o,
  input  logic                      s_axil_rready_i,
  output logic [31:0]               s_axil_rdata_o,
  output logic [1:0]                s_axil_rresp_o,
  output logic                      irq_o,

  // Commands
  output logic                      issue_valid_o,
  input  logic                      issue_ready_i,
  output logic [tern_pkg::CmdBits-1:0] issue_cmd_o,
  input  logic [31:0]               done_i,

  // Vector unit
  output bus_pkg::scalar_write_t    scalar_wr_o,
  input  logic                      scalar_wr_ready_i,
  output bus_pkg::vector_read_t     vector_read_o,
  input  bus_pkg::vector_answer_t   vector_answer_i,
  input  logic                      vector_done_i,
  input  logic                      vector_busy_i,
  input  logic [5:0]                vector_op_i,
  input  logic [SatBits-1:0]        saturated_i,

  // Scratchpad
  output bus_pkg::scratch_request_t scratch_o,
  input  logic                      scratch_rd_ready_i,
  input  logic                      scratch_rd_data_valid_i,
  input  logic [31:0]               scratch_rd_data_i,
  input  logic                      scratch_wr_ready_i,

  // State of the chip
  input  bus_pkg::cluster_events_t  events_i,
  input  bus_pkg::cluster_counters_t counters_i,
  input  logic                      bad_command_i,
  input  logic                      busy_i,
  output logic                      working_o,
  output logic [63:0]               monitor_o
);
  localparam int unsigned MailBits = $clog2(tern_pkg::MailDepth + 1);

  // Soft reset.
  logic soft_reset, stop_q, core_rst_q, core_rst_n;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stop_q     <= 1'b0;
      core_rst_q <= 1'b0;
    end else begin
      stop_q     <= soft_reset || (stop_q && !core_rst_q);
      core_rst_q <= stop_q && !core_rst_q && !events_i.in_flight;
    end
  end
  assign core_rst_n  = rst_ni && !core_rst_q;
  assign core_rst_no = core_rst_n;
  assign stop_o      = stop_q;

  logic           run, trap, watchdog_fires;
  logic [31:0]    watchdog, error;
  cpu_pkg::trap_t trap_info;
  logic [7:0]     error_set;
  logic           window_valid, window_write, window_done, window_error;
  logic [31:0]    window_addr, window_data, window_read_data;
  logic           mail_in_valid, mail_in_ready, mail_out_pop, mail_out_valid;
  logic [31:0]    mail_in, mail_out;
  logic [MailBits-1:0] mail_in_words, mail_out_words;
  logic [63:0]    cycles;
  logic [32*13-1:0] counters;

  always_comb begin
    error_set = '0;
    error_set[tern_pkg::RegErrorBusReadLsb]     = events_i.bus_read_error;
    error_set[tern_pkg::RegErrorBusWriteLsb]    = events_i.bus_write_error;
    error_set[tern_pkg::RegErrorIllegalCodeLsb] = events_i.illegal != '0;
    error_set[tern_pkg::RegErrorBadCommandLsb]  = bad_command_i || events_i.shape_error;
    error_set[tern_pkg::RegErrorParityLsb]      = events_i.parity_error;
    error_set[tern_pkg::RegErrorTrapLsb]        = trap;
    error_set[tern_pkg::RegErrorWatchdogLsb]    = watchdog_fires;
  end

  control_registers #(.Cfg(Cfg)) u_registers (
    .clk_i, .rst_ni,
    .core_rst_ni      (core_rst_n),
    .awvalid_i        (s_axil_awvalid_i),
    .awready_o        (s_axil_awready_o),
    .awaddr_i         (s_axil_awaddr_i),
    .wvalid_i         (s_axil_wvalid_i),
    .wready_o         (s_axil_wready_o),
    .wdata_i          (s_axil_wdata_i),
    .wstrb_i          (s_axil_wstrb_i),
    .bvalid_o         (s_axil_bvalid_o),
    .bready_i         (s_axil_bready_i),
    .bresp_o          (s_axil_bresp_o),
    .arvalid_i        (s_axil_arvalid_i),
    .arready_o        (s_axil_arready_o),
    .araddr_i         (s_axil_araddr_i),
    .rvalid_o         (s_axil_rvalid_o),
    .rready_i         (s_axil_rready_i),
    .rdata_o          (s_axil_rdata_o),
    .rresp_o          (s_axil_rresp_o),
    .irq_o,
    .soft_reset_o     (soft_reset),
    .run_o            (run),
    .watchdog_o       (watchdog),
    .mail_in_valid_o  (mail_in_valid),
    .mail_in_o        (mail_in),
    .mail_in_room_i   (8'(tern_pkg::MailDepth) - 8'(mail_in_words)),
    .mail_out_pop_o   (mail_out_pop),
    .mail_out_i       (mail_out),
    .mail_out_words_i (mail_out_valid ? 8'(mail_out_words) : 8'd0),
    .window_valid_o   (window_valid),
    .window_write_o   (window_write),
    .window_addr_o    (window_addr),
    .window_data_o    (window_data),
    .window_done_i    (window_done),
    .window_error_i   (window_error),
    .window_data_i    (window_read_data),
    .busy_i           (busy_i || stop_q),
    .working_i        (working_o),
    .error_i          (error_set),
    .error_o          (error),
    .trap_cause_i     (32'(trap_info.cause)),
    .trap_pc_i        (trap_info.pc),
    .trap_value_i     (trap_info.value),
    .cycles_i         (cycles),
    .counters_i       (counters)
  );

  // Mailbox.
  logic        cpu_mail_valid, cpu_mail_pop, cpu_post_valid, cpu_post_ready;
  logic [31:0] cpu_mail, cpu_post;

  fifo #(.Width(32), .Depth(tern_pkg::MailDepth)) u_mail_in (
    .clk_i,
    .rst_ni     (core_rst_n),
    .wr_valid_i (mail_in_valid),
    .wr_ready_o (mail_in_ready),
    .wr_data_i  (mail_in),
    .rd_valid_o (cpu_mail_valid),
    .rd_ready_i (cpu_mail_pop),
    .rd_data_o  (cpu_mail),
    .usage_o    (mail_in_words)
  );
  fifo #(.Width(32), .Depth(tern_pkg::MailDepth)) u_mail_out (
    .clk_i,
    .rst_ni     (core_rst_n),
    .wr_valid_i (cpu_post_valid),
    .wr_ready_o (cpu_post_ready),
    .wr_data_i  (cpu_post),
    .rd_valid_o (mail_out_valid),
    .rd_ready_i (mail_out_pop),
    .rd_data_o  (mail_out),
    .usage_o    (mail_out_words)
  );

  // Controller.
  logic        mmio_valid, mmio_done, mmio_write, bus_error;
  logic [31:0] mmio_addr, mmio_data, bus_data;
  logic [3:0]  mmio_strobe;
  logic        tcm_valid, tcm_ready, tcm_done, tcm_error, tcm_busy_q;
  logic [31:0] tcm_data;
  logic        win_bus_valid, win_bus_done, window_is_device, tape_valid, tape_ready;
  logic [15:0] tape_addr;
  logic [31:0] tape_data;
  cpu_pkg::retire_t unused_retire;

  controller #(
    .Cfg(Cfg), .DataBase(tern_pkg::DataBase), .MmioBase(tern_pkg::MmioBase)
  ) u_controller (
    .clk_i,
    .rst_ni        (core_rst_n),
    .run_i         (run && !stop_q),
    .trap_o        (trap),
    .trap_info_o   (trap_info),
    .host_valid_i  (tcm_valid),
    .host_ready_o  (tcm_ready),
    .host_write_i  (window_write),
    .host_addr_i   (window_addr),
    .host_strobe_i (4'b1111),
    .host_data_i   (window_data),
    .host_done_o   (tcm_done),
    .host_error_o  (tcm_error),
    .host_data_o   (tcm_data),
    .tape_valid_i  (tape_valid),
    .tape_ready_o  (tape_ready),
    .tape_addr_i   (tape_addr),
    .tape_data_o   (tape_data),
    .mmio_valid_o  (mmio_valid),
    .mmio_ready_i  (mmio_done),
    .mmio_write_o  (mmio_write),
    .mmio_addr_o   (mmio_addr),
    .mmio_strobe_o (mmio_strobe),
    .mmio_data_o   (mmio_data),
    .mmio_data_i   (bus_data),
    .mmio_error_i  (bus_error),
    .retire_o      (unused_retire)
  );

  // The window.
  assign window_is_device = window_addr[31];
  assign tcm_valid        = window_valid && !window_is_device && !tcm_busy_q;
  assign win_bus_valid    = window_valid && window_is_device && !run && !mmio_valid;
  always_ff @(posedge clk_i or negedge core_rst_n) begin
    if (!core_rst_n) tcm_busy_q <= 1'b0;
    else              tcm_busy_q <= tcm_valid && tcm_ready;
  end
  assign window_done      = window_is_device ? run || win_bus_done : tcm_done;
  assign window_error     = window_is_device ? run || bus_error : tcm_error;
  assign window_read_data = window_is_device ? bus_data : tcm_data;

  // Devices.
  logic        issue_valid, scalar_wr_valid, scalar_rd_valid, scratch_rd_valid, scratch_wr_valid;
  logic [5:0]  topk_index;
  logic [1:0]  scalar_wr_strobe;
  logic [7:0]  scalar_index;
  logic [19:0] scratch_addr;
  logic [31:0] scalar_wr_data, scratch_wr_data;
  logic [tern_pkg::MmioPhaseBits-1:0] phase;

  device_bus #(.Cfg(Cfg)) u_devices (
    .clk_i,
    .rst_ni             (core_rst_n),
    .cpu_valid_i        (mmio_valid),
    .cpu_write_i        (mmio_write),
    .cpu_addr_i         (mmio_addr),
    .cpu_strobe_i       (mmio_strobe),
    .cpu_data_i         (mmio_data),
    .cpu_done_o         (mmio_done),
    .win_valid_i        (win_bus_valid),
    .win_write_i        (window_write),
    .win_addr_i         (window_addr),
    .win_data_i         (window_data),
    .win_done_o         (win_bus_done),
    .error_o            (bus_error),
    .data_o             (bus_data),
    .tape_valid_o       (tape_valid),
    .tape_ready_i       (tape_ready),
    .tape_addr_o        (tape_addr),
    .tape_data_i        (tape_data),
    .issue_valid_o      (issue_valid),
    .issue_ready_i      (issue_ready_i && !stop_q),
    .issue_cmd_o, .done_i,
    .error_i            (error),
    .cycles_i           (cycles[31:0]),
    .mail_in_valid_i    (cpu_mail_valid),
    .mail_in_i          (cpu_mail),
    .mail_in_pop_o      (cpu_mail_pop),
    .mail_out_valid_o   (cpu_post_valid),
    .mail_out_ready_i   (cpu_post_ready),
    .mail_out_o         (cpu_post),
    .working_o,
    .phase_o            (phase),
    .topk_count_i       (vector_answer_i.topk_count),
    .topk_index_o       (topk_index),
    .topk_value_i       (vector_answer_i.topk_value),
    .topk_number_i      (vector_answer_i.topk_number),
    .scalar_wr_valid_o  (scalar_wr_valid),
    .scalar_wr_ready_i,
    .scalar_wr_strobe_o (scalar_wr_strobe),
    .scalar_index_o     (scalar_index),
    .scalar_wr_data_o   (scalar_wr_data),
    .scalar_rd_valid_o  (scalar_rd_valid),
    .scalar_rd_ready_i  (vector_answer_i.ready),
    .scalar_rd_done_i   (vector_answer_i.done),
    .scalar_rd_data_i   (vector_answer_i.data),
    .scratch_rd_valid_o (scratch_rd_valid),
    .scratch_rd_ready_i,
    .scratch_addr_o     (scratch_addr),
    .scratch_rd_data_valid_i, .scratch_rd_data_i,
    .scratch_wr_valid_o (scratch_wr_valid),
    .scratch_wr_ready_i,
    .scratch_wr_data_o  (scratch_wr_data)
  );
  assign issue_valid_o = issue_valid && !stop_q;
  assign scalar_wr_o   = {scalar_wr_valid, scalar_index, scalar_wr_strobe, {2{scalar_wr_data}}};
  assign vector_read_o = {scalar_rd_valid, scalar_index, topk_index};
  assign scratch_o     = {scratch_rd_valid, scratch_wr_valid, scratch_addr, scratch_wr_data};

  // Watchdog: cycles of work since something last moved.
  logic [31:0] quiet_q;
  logic        progress;
  assign progress = events_i.beat || events_i.load_beat || events_i.store_beat ||
                    (issue_valid_o && issue_ready_i) || cpu_mail_pop || cpu_post_valid ||
                    events_i.load_done || events_i.matmul_done || vector_done_i ||
                    events_i.store_done;
  always_ff @(posedge clk_i or negedge core_rst_n) begin
    if (!core_rst_n) quiet_q <= '0;
    else              quiet_q <= working_o && !progress ? quiet_q + 32'd1 : '0;
  end
  assign watchdog_fires = watchdog != '0 && quiet_q >= watchdog;

  event_counters #(.SaturatedBits(SatBits)) u_counters (
    .clk_i,
    .rst_ni        (core_rst_n),
    .cluster_i     (counters_i),
    .vector_busy_i,
    .command_i     (issue_valid_o && issue_ready_i),
    .saturated_i,
    .cycles_o      (cycles),
    .counters_o    (counters)
  );

  tern_pkg::monitor_t monitor;
  always_comb begin
    monitor             = '0;
    monitor.beat        = events_i.beat;
    monitor.load_beat   = events_i.load_beat;
    monitor.stall_read  = events_i.stall_read;
    monitor.stall_drain = events_i.stall_drain;
    monitor.stall_wait  = events_i.stall_wait;
    monitor.store_beat  = events_i.store_beat;
    monitor.vector_busy = vector_busy_i;
    monitor.working     = working_o;
    monitor.vector_op   = vector_op_i[4:0];
    monitor.is_scalar   = vector_op_i[5];
    monitor.phase       = phase[tern_pkg::MmioPhasePhaseLsb +: tern_pkg::MmioPhasePhaseBits];
    monitor.number      = phase[tern_pkg::MmioPhaseNumberLsb +: tern_pkg::MmioPhaseNumberBits];
  end
  assign monitor_o = monitor;

  logic unused_signals;
  assign unused_signals = ^{unused_retire, mail_in_ready, events_i};
endmodule
