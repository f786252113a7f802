// SPDX-License-Identifier: Apache-2.0
/// The chip: a controller with its firmware, four units that it commands, and the ports to host and
/// memory.
///
///   registers -> mailbox, window -> controller -> device bus -> command queue and scoreboard
///   LOAD, MATMUL -> stream reader (segments) -> prefetch FIFO -> matrix engine -> scratchpad
///   VECTOR, SCALAR -> vector unit <-> scratchpad, -> activations of the matrix engine
///   STORE -> store unit <- scratchpad, -> memory
///
/// The reader runs ahead of the engine across commands. All transfers are INCR bursts of full beats
/// on one AXI ID, with a parity bit for each byte of data as AMBA AXI5 has them (RDATACHK,
/// WDATACHK: odd parity). A soft reset first lets the bursts in flight end, then drops all state but
/// the bus interface and the controller's memories; STATUS.busy stays 1 until then.
///
/// Cfg holds its parameters. With Cfg.small_fabric, for an FPGA that is small and slow, there are registers in the longest
/// paths, which cost cycles, and the top-k list is in a memory; results are the same. FastBody is no property of the
/// chip: it simulates parts of the matrix engine faster, to the same cycle.
///
/// `monitor_o`, a monitor_t, tells what each unit does in this cycle, for a timeline; nothing
/// depends on it.
module tern_chip #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Columns = Cfg.columns
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 s_axil_awvalid_i,
  output logic                 s_axil_awready_o,
  input  logic [11:0]          s_axil_awaddr_i,
  input  logic                 s_axil_wvalid_i,
  output logic                 s_axil_wready_o,
  input  logic [31:0]          s_axil_wdata_i,
  input  logic [ 3:0]          s_axil_wstrb_i,
  output logic                 s_axil_bvalid_o,
  input  logic                 s_axil_bready_i,
  output logic [ 1:0]          s_axil_bresp_o,
  input  logic                 s_axil_arvalid_i,
  output logic                 s_axil_arready_o,
  input  logic [11:0]          s_axil_araddr_i,
  output logic                 s_axil_rvalid_o,
  input  logic                 s_axil_rready_i,
  output logic [31:0]          s_axil_rdata_o,
  output logic [ 1:0]          s_axil_rresp_o,

  output logic                 m_axi_arvalid_o,
  input  logic                 m_axi_arready_i,
  output logic [39:0]          m_axi_araddr_o,
  output logic [ 7:0]          m_axi_arlen_o,
  output logic [ 2:0]          m_axi_arsize_o,
  output logic [ 1:0]          m_axi_arburst_o,
  input  logic                 m_axi_rvalid_i,
  output logic                 m_axi_rready_o,
  input  logic [8*Columns-1:0] m_axi_rdata_i,
  input  logic [Columns-1:0]   m_axi_rdatachk_i,
  input  logic [ 1:0]          m_axi_rresp_i,
  input  logic                 m_axi_rlast_i,
  output logic                 m_axi_awvalid_o,
  input  logic                 m_axi_awready_i,
  output logic [39:0]          m_axi_awaddr_o,
  output logic [ 7:0]          m_axi_awlen_o,
  output logic [ 2:0]          m_axi_awsize_o,
  output logic [ 1:0]          m_axi_awburst_o,
  output logic                 m_axi_wvalid_o,
  input  logic                 m_axi_wready_i,
  output logic [8*Columns-1:0] m_axi_wdata_o,
  output logic [Columns-1:0]   m_axi_wdatachk_o,
  output logic [Columns-1:0]   m_axi_wstrb_o,
  output logic                 m_axi_wlast_o,
  input  logic                 m_axi_bvalid_i,
  output logic                 m_axi_bready_o,
  input  logic [ 1:0]          m_axi_bresp_i,

  output logic                 irq_o,
  output logic [63:0]          monitor_o
);
  localparam int unsigned AddrBits    = tern_pkg::AddrBits;
  localparam int unsigned CmdBits     = tern_pkg::CmdBits;
  localparam int unsigned Lanes       = Cfg.lanes;
  localparam int unsigned IllegalBits = $clog2(Columns) + 1;
  localparam int unsigned SatBits     = $clog2(Lanes + 1);
  localparam int unsigned MailBits    = $clog2(tern_pkg::MailDepth + 1);
  localparam int unsigned LineBits    = 32 * Lanes;
  localparam int unsigned OffsetBits  = Columns > Lanes ? $clog2(Columns / Lanes) : 1;
  localparam int unsigned Readers     = 3;  // controller, vector unit, store unit
  localparam int unsigned Writers     = 4;  // controller, vector unit, results, loads

  // Soft reset: stop, wait until the buses are quiet, reset the core for one cycle.
  logic soft_reset, stop_q, core_rst_q, core_rst_n, reader_idle, store_idle;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stop_q     <= 1'b0;
      core_rst_q <= 1'b0;
    end else begin
      stop_q     <= soft_reset || (stop_q && !core_rst_q);
      core_rst_q <= stop_q && !core_rst_q && reader_idle && store_idle;
    end
  end
  assign core_rst_n = rst_ni && !core_rst_q;

  // Host side.
  logic        run, working, busy, trap, watchdog_fires;
  logic [31:0] watchdog, error, done;
  cpu_pkg::trap_t trap_info;
  logic        bus_read_error, bus_write_error, parity_error, bad_command, shape_error, act_error;
  logic [IllegalBits-1:0] illegal;
  logic [7:0]  error_set;
  logic        window_valid, window_write, window_done, window_error;
  logic [31:0] window_addr, window_data, window_read_data;
  logic        mail_in_valid, mail_in_ready, mail_out_pop, mail_out_valid;
  logic [31:0] mail_in, mail_out;
  logic [MailBits-1:0] mail_in_words, mail_out_words;
  logic [63:0] cycles;
  logic [32*13-1:0] counters;

  always_comb begin
    error_set = '0;
    error_set[tern_pkg::RegErrorBusReadLsb]     = bus_read_error;
    error_set[tern_pkg::RegErrorBusWriteLsb]    = bus_write_error;
    error_set[tern_pkg::RegErrorIllegalCodeLsb] = illegal != '0;
    error_set[tern_pkg::RegErrorBadCommandLsb]  = bad_command || shape_error || act_error;
    error_set[tern_pkg::RegErrorParityLsb]      = parity_error;
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
    .busy_i           (busy),
    .working_i        (working),
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

  // Controller. The host's window goes to its memories or, while it does not run, to the devices.
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

  assign window_is_device = window_addr[31];
  assign tcm_valid        = window_valid && !window_is_device && !tcm_busy_q;
  assign win_bus_valid    = window_valid && window_is_device && !run && !mmio_valid;
  always_ff @(posedge clk_i or negedge core_rst_n) begin
    if (!core_rst_n) tcm_busy_q <= 1'b0;
    else             tcm_busy_q <= tcm_valid && tcm_ready;
  end
  assign window_done      = window_is_device ? run || win_bus_done : tcm_done;
  assign window_error     = window_is_device ? run || bus_error : tcm_error;
  assign window_read_data = window_is_device ? bus_data : tcm_data;

  // Devices.
  logic                 issue_valid, issue_ready;
  logic [CmdBits-1:0]   issue_cmd;
  logic [tern_pkg::MmioPhaseBits-1:0] phase;
  logic [6:0]           topk_count;
  logic [5:0]           topk_index;
  logic [31:0]          topk_value, topk_number;
  logic                 cpu_scalar_wr_valid, cpu_scalar_wr_ready, scalar_rd_valid, scalar_rd_ready;
  logic                 scalar_rd_done;
  logic [1:0]           cpu_scalar_strobe;
  logic [7:0]           cpu_scalar_index;
  logic [31:0]          cpu_scalar_data;
  logic [63:0]          scalar_rd_data;
  logic [Readers-1:0]   rd_valid, rd_ready, rd_data_valid;
  logic [20*Readers-1:0] rd_addr;
  logic [LineBits-1:0]  rd_data;
  logic [Writers-1:0]   wr_valid, wr_ready;
  logic [20*Writers-1:0] wr_addr;
  logic [Lanes*Writers-1:0] wr_mask;
  logic [LineBits*Writers-1:0] wr_data;
  logic [19:0]          cpu_scratch_addr;
  logic [31:0]          cpu_scratch_data;

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
    .issue_ready_i      (issue_ready),
    .issue_cmd_o        (issue_cmd),
    .done_i             (done),
    .error_i            (error),
    .cycles_i           (cycles[31:0]),
    .mail_in_valid_i    (cpu_mail_valid),
    .mail_in_i          (cpu_mail),
    .mail_in_pop_o      (cpu_mail_pop),
    .mail_out_valid_o   (cpu_post_valid),
    .mail_out_ready_i   (cpu_post_ready),
    .mail_out_o         (cpu_post),
    .working_o          (working),
    .phase_o            (phase),
    .topk_count_i       (topk_count),
    .topk_index_o       (topk_index),
    .topk_value_i       (topk_value),
    .topk_number_i      (topk_number),
    .scalar_wr_valid_o  (cpu_scalar_wr_valid),
    .scalar_wr_ready_i  (cpu_scalar_wr_ready),
    .scalar_wr_strobe_o (cpu_scalar_strobe),
    .scalar_index_o     (cpu_scalar_index),
    .scalar_wr_data_o   (cpu_scalar_data),
    .scalar_rd_valid_o  (scalar_rd_valid),
    .scalar_rd_ready_i  (scalar_rd_ready),
    .scalar_rd_done_i   (scalar_rd_done),
    .scalar_rd_data_i   (scalar_rd_data),
    .scratch_rd_valid_o (rd_valid[0]),
    .scratch_rd_ready_i (rd_ready[0]),
    .scratch_addr_o     (cpu_scratch_addr),
    .scratch_rd_data_valid_i (rd_data_valid[0]),
    .scratch_rd_data_i  (rd_data[31:0]),
    .scratch_wr_valid_o (wr_valid[0]),
    .scratch_wr_ready_i (wr_ready[0]),
    .scratch_wr_mask_o  (wr_mask[Lanes-1:0]),
    .scratch_wr_data_o  (cpu_scratch_data)
  );
  assign rd_addr[19:0]         = cpu_scratch_addr;
  assign wr_addr[19:0]         = cpu_scratch_addr;
  assign wr_data[LineBits-1:0] = LineBits'(cpu_scratch_data);

  // Commands.
  logic                seg_valid, seg_ready, eng_valid, eng_ready, eng_waits;
  logic [AddrBits-1:0] seg_addr;
  logic [31:0]         seg_beats;
  logic [CmdBits-1:0]  eng_cmd, vec_cmd, str_cmd;
  logic                vec_valid, vec_ready, str_valid, str_ready, queue_empty, queue_ready;
  logic                load_done, matmul_done, vector_done, store_done;

  assign issue_ready = queue_ready && !stop_q;

  command_queue #(.Cfg(Cfg)) u_queue (
    .clk_i,
    .rst_ni        (core_rst_n),
    .issue_valid_i (issue_valid && !stop_q),
    .issue_ready_o (queue_ready),
    .issue_cmd_i   (issue_cmd),
    .bad_o         (bad_command),
    .seg_valid_o   (seg_valid),
    .seg_ready_i   (seg_ready),
    .seg_addr_o    (seg_addr),
    .seg_beats_o   (seg_beats),
    .eng_valid_o   (eng_valid),
    .eng_ready_i   (eng_ready),
    .eng_cmd_o     (eng_cmd),
    .eng_waits_o   (eng_waits),
    .vec_valid_o   (vec_valid),
    .vec_ready_i   (vec_ready),
    .vec_cmd_o     (vec_cmd),
    .str_valid_o   (str_valid),
    .str_ready_i   (str_ready),
    .str_cmd_o     (str_cmd),
    .load_done_i   (load_done),
    .matmul_done_i (matmul_done),
    .vector_done_i (vector_done),
    .store_done_i  (store_done),
    .done_o        (done),
    .empty_o       (queue_empty)
  );

  // Memory to engine.
  logic                 stream_valid, stream_ready, stream_last;
  logic [8*Columns-1:0] stream_data;

  stream_reader #(.Cfg(Cfg)) u_reader (
    .clk_i,
    .rst_ni         (core_rst_n),
    .stop_i         (stop_q),
    .idle_o         (reader_idle),
    .error_o        (bus_read_error),
    .parity_error_o (parity_error),
    .seg_valid_i    (seg_valid),
    .seg_ready_o    (seg_ready),
    .seg_addr_i     (seg_addr),
    .seg_beats_i    (seg_beats),
    .ar_valid_o     (m_axi_arvalid_o),
    .ar_ready_i     (m_axi_arready_i),
    .ar_addr_o      (m_axi_araddr_o),
    .ar_len_o       (m_axi_arlen_o),
    .r_valid_i      (m_axi_rvalid_i),
    .r_ready_o      (m_axi_rready_o),
    .r_data_i       (m_axi_rdata_i),
    .r_parity_i     (m_axi_rdatachk_i),
    .r_resp_i       (m_axi_rresp_i),
    .r_last_i       (m_axi_rlast_i),
    .beat_valid_o   (stream_valid),
    .beat_ready_i   (stream_ready),
    .beat_data_o    (stream_data),
    .beat_last_o    (stream_last)
  );

  // Engine.
  logic                   act_valid;
  logic [3:0]             act_column;
  logic [11:0]            act_tile;
  logic [OffsetBits-1:0]  act_offset;
  logic [Lanes-1:0]       act_mask;
  logic [8*Lanes-1:0]     act_data;
  logic                   max_valid, max_ready;
  logic [7:0]             max_index;
  logic [63:0]            max_data;
  logic                   beat, load_beat, stall_read, stall_drain, engine_busy;

  matrix_engine #(.Cfg(Cfg), .FastBody(FastBody)) u_engine (
    .clk_i,
    .rst_ni            (core_rst_n),
    .cmd_valid_i       (eng_valid),
    .cmd_ready_o       (eng_ready),
    .cmd_i             (eng_cmd),
    .beat_valid_i      (stream_valid),
    .beat_ready_o      (stream_ready),
    .beat_data_i       (stream_data),
    .beat_last_i       (stream_last),
    .act_valid_i       (act_valid),
    .act_column_i      (act_column),
    .act_tile_i        (act_tile),
    .act_offset_i      (act_offset),
    .act_mask_i        (act_mask),
    .act_data_i        (act_data),
    .res_wr_valid_o     (wr_valid[2]),
    .res_wr_ready_i     (wr_ready[2]),
    .res_wr_addr_o      (wr_addr[40 +: 20]),
    .res_wr_mask_o      (wr_mask[2*Lanes +: Lanes]),
    .res_wr_data_o      (wr_data[2*LineBits +: LineBits]),
    .load_wr_valid_o   (wr_valid[3]),
    .load_wr_ready_i   (wr_ready[3]),
    .load_wr_addr_o    (wr_addr[60 +: 20]),
    .load_wr_mask_o    (wr_mask[3*Lanes +: Lanes]),
    .load_wr_data_o    (wr_data[3*LineBits +: LineBits]),
    .max_valid_o       (max_valid),
    .max_ready_i       (max_ready),
    .max_index_o       (max_index),
    .max_data_o        (max_data),
    .load_done_o       (load_done),
    .matmul_done_o     (matmul_done),
    .beats_o           (beat),
    .load_beats_o      (load_beat),
    .stall_read_o      (stall_read),
    .stall_drain_o     (stall_drain),
    .illegal_o         (illegal),
    .busy_o            (engine_busy),
    .shape_error_o     (shape_error)
  );
  // Vector unit. The engine's maxima go before what the controller writes.
  logic               vector_busy, scalar_wr_ready;
  logic [5:0]         vector_op;
  logic [SatBits-1:0] saturated;

  vector_unit #(.Cfg(Cfg)) u_vector (
    .clk_i,
    .rst_ni          (core_rst_n),
    .cmd_valid_i     (vec_valid),
    .cmd_ready_o     (vec_ready),
    .cmd_i           (vec_cmd),
    .done_o          (vector_done),
    .busy_o          (vector_busy),
    .op_o            (vector_op),
    .saturated_o     (saturated),
    .rd_valid_o      (rd_valid[1]),
    .rd_ready_i      (rd_ready[1]),
    .rd_addr_o       (rd_addr[20 +: 20]),
    .rd_data_valid_i (rd_data_valid[1]),
    .rd_data_i       (rd_data),
    .wr_valid_o      (wr_valid[1]),
    .wr_ready_i      (wr_ready[1]),
    .wr_addr_o       (wr_addr[20 +: 20]),
    .wr_mask_o       (wr_mask[Lanes +: Lanes]),
    .wr_data_o       (wr_data[LineBits +: LineBits]),
    .act_valid_o     (act_valid),
    .act_error_o     (act_error),
    .act_column_o    (act_column),
    .act_tile_o      (act_tile),
    .act_offset_o    (act_offset),
    .act_mask_o      (act_mask),
    .act_data_o      (act_data),
    .ext_wr_valid_i  (max_valid || cpu_scalar_wr_valid),
    .ext_wr_ready_o  (scalar_wr_ready),
    .ext_wr_index_i  (max_valid ? max_index : cpu_scalar_index),
    .ext_wr_strobe_i (max_valid ? 2'b11 : cpu_scalar_strobe),
    .ext_wr_data_i   (max_valid ? max_data : {2{cpu_scalar_data}}),
    .ext_rd_valid_i  (scalar_rd_valid),
    .ext_rd_ready_o  (scalar_rd_ready),
    .ext_rd_index_i  (cpu_scalar_index),
    .ext_rd_done_o   (scalar_rd_done),
    .ext_rd_data_o   (scalar_rd_data),
    .topk_count_o    (topk_count),
    .topk_index_i    (topk_index),
    .topk_value_o    (topk_value),
    .topk_number_o   (topk_number)
  );
  assign max_ready           = scalar_wr_ready;
  assign cpu_scalar_wr_ready = scalar_wr_ready && !max_valid;

  // Scratchpad to memory.
  logic store_beat;

  store_unit #(.Cfg(Cfg)) u_store (
    .clk_i,
    .rst_ni          (core_rst_n),
    .stop_i          (stop_q),
    .idle_o          (store_idle),
    .error_o         (bus_write_error),
    .done_o          (store_done),
    .beat_o          (store_beat),
    .cmd_valid_i     (str_valid),
    .cmd_ready_o     (str_ready),
    .cmd_i           (str_cmd),
    .rd_valid_o      (rd_valid[2]),
    .rd_ready_i      (rd_ready[2]),
    .rd_addr_o       (rd_addr[40 +: 20]),
    .rd_data_valid_i (rd_data_valid[2]),
    .rd_data_i       (rd_data),
    .aw_valid_o      (m_axi_awvalid_o),
    .aw_ready_i      (m_axi_awready_i),
    .aw_addr_o       (m_axi_awaddr_o),
    .aw_len_o        (m_axi_awlen_o),
    .w_valid_o       (m_axi_wvalid_o),
    .w_ready_i       (m_axi_wready_i),
    .w_data_o        (m_axi_wdata_o),
    .w_parity_o      (m_axi_wdatachk_o),
    .w_strb_o        (m_axi_wstrb_o),
    .w_last_o        (m_axi_wlast_o),
    .b_valid_i       (m_axi_bvalid_i),
    .b_ready_o       (m_axi_bready_o),
    .b_resp_i        (m_axi_bresp_i)
  );

  scratchpad #(.Cfg(Cfg), .ReadClients(Readers), .WriteClients(Writers)) u_scratchpad (
    .clk_i,
    .rst_ni          (core_rst_n),
    .rd_valid_i      (rd_valid),
    .rd_ready_o      (rd_ready),
    .rd_addr_i       (rd_addr),
    .rd_data_valid_o (rd_data_valid),
    .rd_data_o       (rd_data),
    .wr_valid_i      (wr_valid),
    .wr_ready_o      (wr_ready),
    .wr_addr_i       (wr_addr),
    .wr_mask_i       (wr_mask),
    .wr_data_i       (wr_data)
  );

  // Watchdog: cycles of work since something last moved.
  logic [31:0] quiet_q;
  logic        progress;
  assign progress = beat || load_beat || store_beat || (issue_valid && issue_ready) ||
                    cpu_mail_pop || cpu_post_valid || load_done || matmul_done || vector_done ||
                    store_done;
  always_ff @(posedge clk_i or negedge core_rst_n) begin
    if (!core_rst_n) quiet_q <= '0;
    else             quiet_q <= working && !progress ? quiet_q + 32'd1 : '0;
  end
  assign watchdog_fires = watchdog != '0 && quiet_q >= watchdog;

  // What is going on.
  assign busy = !queue_empty || engine_busy || vector_busy || !store_idle || !reader_idle || stop_q;

  event_counters #(.IllegalBits(IllegalBits), .SaturatedBits(SatBits)) u_counters (
    .clk_i,
    .rst_ni        (core_rst_n),
    .working_i     (working),
    .beat_i        (beat),
    .load_beat_i   (load_beat),
    .stall_drain_i (stall_drain),
    .stall_read_i  (stall_read),
    .stall_wait_i  (eng_waits),
    .store_beat_i  (store_beat),
    .vector_busy_i (vector_busy),
    .command_i     (issue_valid && issue_ready),
    .saturated_i   (saturated),
    .illegal_i     (illegal),
    .bus_errors_i  (2'(bus_read_error || parity_error) + 2'(bus_write_error)),
    .cycles_o      (cycles),
    .counters_o    (counters)
  );

  tern_pkg::monitor_t monitor;
  always_comb begin
    monitor             = '0;
    monitor.beat        = beat;
    monitor.load_beat   = load_beat;
    monitor.stall_read  = stall_read;
    monitor.stall_drain = stall_drain;
    monitor.stall_wait  = eng_waits;
    monitor.store_beat  = store_beat;
    monitor.vector_busy = vector_busy;
    monitor.working     = working;
    monitor.vector_op   = vector_op[4:0];
    monitor.is_scalar   = vector_op[5];
    monitor.phase       = phase[tern_pkg::MmioPhasePhaseLsb +: tern_pkg::MmioPhasePhaseBits];
    monitor.number      = phase[tern_pkg::MmioPhaseNumberLsb +: tern_pkg::MmioPhaseNumberBits];
  end
  assign monitor_o = monitor;

  // INCR bursts of whole beats.
  assign m_axi_arsize_o  = 3'($clog2(Columns));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_awsize_o  = 3'($clog2(Columns));
  assign m_axi_awburst_o = 2'b01;

  logic unused_signals;
  assign unused_signals = ^{unused_retire, mail_in_ready};
endmodule
