/// The chip: registers and command queue on the AXI4-Lite side, one AXI4 master towards memory, and
/// between them the streamed matrix engine.
///
///   registers -> command queue -> decoder -> stream reader  (segments)  -> prefetch FIFO -> engine
///                                         -> engine queue   (commands)                   -> writer
///                                         -> completion tracker -> DONE
///
/// Commands run and complete in order; the reader runs ahead across them, so software must not
/// queue a command that reads what an unfinished one writes. All transfers are INCR bursts of full
/// beats on one AXI ID, and all state but the bus interface itself is dropped by a soft reset,
/// which first lets the bursts in flight end; STATUS.busy stays 1 until then.
module tern_chip #(
  parameter int unsigned Columns    = 64,
  parameter int unsigned ActColumns = 8,
  parameter int unsigned AccDepth   = 52,
  parameter int unsigned ActDepth   = 256,
  parameter int unsigned FifoBeats  = 256,
  parameter int unsigned BurstBeats = 16,
  parameter int unsigned CmdDepth   = 8,
  parameter bit          FastBody   = 1'b0
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
  output logic [Columns-1:0]   m_axi_wstrb_o,
  output logic                 m_axi_wlast_o,
  input  logic                 m_axi_bvalid_i,
  output logic                 m_axi_bready_o,
  input  logic [ 1:0]          m_axi_bresp_i,

  output logic                 irq_o
);
  localparam int unsigned AddrBits    = tern_pkg::AddrBits;
  localparam int unsigned CmdBits     = tern_pkg::CmdBits;
  localparam int unsigned ResultBits  = tern_pkg::TritsPerByte * ActColumns * 32;
  localparam int unsigned IllegalBits = $clog2(Columns + 1);
  // Commands that the reader may run ahead of the engine, and commands between decoder and DONE.
  localparam int unsigned EngineDepth = 4;
  localparam int unsigned TrackDepth  = 2 * EngineDepth;
  localparam int unsigned SpaceBits   = $clog2(CmdDepth + 1);

  // Soft reset: stop, wait until the buses are quiet, reset the core for one cycle.
  logic soft_reset, stop_q, core_rst_q, core_rst_n, reader_idle, writer_idle;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      stop_q     <= 1'b0;
      core_rst_q <= 1'b0;
    end else begin
      stop_q     <= soft_reset || (stop_q && !core_rst_q);
      core_rst_q <= stop_q && !core_rst_q && reader_idle && writer_idle;
    end
  end
  assign core_rst_n = rst_ni && !core_rst_q;

  // Registers and command queue.
  logic                 reg_cmd_valid, reg_cmd_ready, queue_ready, dec_cmd_valid, dec_cmd_ready;
  tern_pkg::cmd_t       reg_cmd, dec_cmd;
  logic [SpaceBits-1:0] queue_usage;
  logic                 busy, command_done, tracker_empty;
  logic                 bus_read_error, bus_write_error, bad_command, shape_error;
  logic                 beat, load_beat, result_beat, stall_read, stall_drain;
  logic [IllegalBits-1:0] illegal;

  assign reg_cmd_ready = queue_ready && !stop_q;
  assign busy          = queue_usage != '0 || !tracker_empty || stop_q;

  control_registers #(
    .Columns     (Columns),
    .ActColumns  (ActColumns),
    .AccDepth    (AccDepth),
    .ActDepth    (ActDepth),
    .CmdDepth    (CmdDepth),
    .IllegalBits (IllegalBits)
  ) u_registers (
    .clk_i,
    .rst_ni,
    .core_rst_ni       (core_rst_n),
    .awvalid_i         (s_axil_awvalid_i),
    .awready_o         (s_axil_awready_o),
    .awaddr_i          (s_axil_awaddr_i),
    .wvalid_i          (s_axil_wvalid_i),
    .wready_o          (s_axil_wready_o),
    .wdata_i           (s_axil_wdata_i),
    .wstrb_i           (s_axil_wstrb_i),
    .bvalid_o          (s_axil_bvalid_o),
    .bready_i          (s_axil_bready_i),
    .bresp_o           (s_axil_bresp_o),
    .arvalid_i         (s_axil_arvalid_i),
    .arready_o         (s_axil_arready_o),
    .araddr_i          (s_axil_araddr_i),
    .rvalid_o          (s_axil_rvalid_o),
    .rready_i          (s_axil_rready_i),
    .rdata_o           (s_axil_rdata_o),
    .rresp_o           (s_axil_rresp_o),
    .irq_o,
    .soft_reset_o      (soft_reset),
    .cmd_valid_o       (reg_cmd_valid),
    .cmd_ready_i       (reg_cmd_ready),
    .cmd_o             (reg_cmd),
    .cmd_space_i       (stop_q ? 8'd0 : 8'(CmdDepth) - 8'(queue_usage)),
    .busy_i            (busy),
    .done_i            (command_done),
    .bus_read_error_i  (bus_read_error),
    .bus_write_error_i (bus_write_error),
    .bad_command_i     (bad_command || shape_error),
    .beat_i            (beat),
    .load_beat_i       (load_beat),
    .result_beat_i     (result_beat),
    .stall_read_i      (stall_read),
    .stall_drain_i     (stall_drain),
    .illegal_i         (illegal)
  );

  fifo #(.Width(CmdBits), .Depth(CmdDepth)) u_command_queue (
    .clk_i,
    .rst_ni     (core_rst_n),
    .wr_valid_i (reg_cmd_valid),
    .wr_ready_o (queue_ready),
    .wr_data_i  (reg_cmd),
    .rd_valid_o (dec_cmd_valid),
    .rd_ready_i (dec_cmd_ready),
    .rd_data_o  (dec_cmd),
    .usage_o    (queue_usage)
  );

  // Decoder and what it feeds.
  logic                seg_valid, seg_ready, eng_push, eng_push_ready, eng_valid, eng_ready;
  logic [AddrBits-1:0] seg_addr;
  logic [31:0]         seg_beats;
  tern_pkg::cmd_t      eng_push_cmd, eng_cmd;
  logic                trk_valid, trk_ready, trk_runs, trk_writes, load_done, write_done;

  command_decoder #(
    .Columns    (Columns),
    .ActColumns (ActColumns),
    .AccDepth   (AccDepth),
    .ActDepth   (ActDepth)
  ) u_decoder (
    .clk_i,
    .rst_ni       (core_rst_n),
    .cmd_valid_i  (dec_cmd_valid),
    .cmd_ready_o  (dec_cmd_ready),
    .cmd_i        (dec_cmd),
    .seg_valid_o  (seg_valid),
    .seg_ready_i  (seg_ready),
    .seg_addr_o   (seg_addr),
    .seg_beats_o  (seg_beats),
    .eng_valid_o  (eng_push),
    .eng_ready_i  (eng_push_ready),
    .eng_cmd_o    (eng_push_cmd),
    .trk_valid_o  (trk_valid),
    .trk_ready_i  (trk_ready),
    .trk_runs_o   (trk_runs),
    .trk_writes_o (trk_writes),
    .bad_o        (bad_command)
  );

  logic [$clog2(EngineDepth+1)-1:0] unused_engine_usage;
  fifo #(.Width(CmdBits), .Depth(EngineDepth)) u_engine_queue (
    .clk_i,
    .rst_ni     (core_rst_n),
    .wr_valid_i (eng_push),
    .wr_ready_o (eng_push_ready),
    .wr_data_i  (eng_push_cmd),
    .rd_valid_o (eng_valid),
    .rd_ready_i (eng_ready),
    .rd_data_o  (eng_cmd),
    .usage_o    (unused_engine_usage)
  );

  completion_tracker #(.Depth(TrackDepth)) u_tracker (
    .clk_i,
    .rst_ni       (core_rst_n),
    .valid_i      (trk_valid),
    .ready_o      (trk_ready),
    .runs_i       (trk_runs),
    .writes_i     (trk_writes),
    .load_done_i  (load_done),
    .write_done_i (write_done),
    .done_o       (command_done),
    .empty_o      (tracker_empty)
  );

  // Memory to engine.
  logic                 stream_valid, stream_ready, stream_last;
  logic [8*Columns-1:0] stream_data;

  stream_reader #(
    .Columns    (Columns),
    .AddrBits   (AddrBits),
    .FifoBeats  (FifoBeats),
    .BurstBeats (BurstBeats)
  ) u_reader (
    .clk_i,
    .rst_ni       (core_rst_n),
    .stop_i       (stop_q),
    .idle_o       (reader_idle),
    .error_o      (bus_read_error),
    .seg_valid_i  (seg_valid),
    .seg_ready_o  (seg_ready),
    .seg_addr_i   (seg_addr),
    .seg_beats_i  (seg_beats),
    .ar_valid_o   (m_axi_arvalid_o),
    .ar_ready_i   (m_axi_arready_i),
    .ar_addr_o    (m_axi_araddr_o),
    .ar_len_o     (m_axi_arlen_o),
    .r_valid_i    (m_axi_rvalid_i),
    .r_ready_o    (m_axi_rready_o),
    .r_data_i     (m_axi_rdata_i),
    .r_resp_i     (m_axi_rresp_i),
    .r_last_i     (m_axi_rlast_i),
    .beat_valid_o (stream_valid),
    .beat_ready_i (stream_ready),
    .beat_data_o  (stream_data),
    .beat_last_o  (stream_last)
  );

  // Engine.
  logic                  result_valid, result_ready, result_last, unused_engine_busy;
  logic [AddrBits-1:0]   result_addr;
  logic [ResultBits-1:0] result_data;

  matrix_engine #(
    .Columns    (Columns),
    .ActColumns (ActColumns),
    .AccDepth   (AccDepth),
    .ActDepth   (ActDepth),
    .FastBody   (FastBody)
  ) u_engine (
    .clk_i,
    .rst_ni         (core_rst_n),
    .cmd_valid_i    (eng_valid),
    .cmd_ready_o    (eng_ready),
    .cmd_i          (eng_cmd),
    .beat_valid_i   (stream_valid),
    .beat_ready_o   (stream_ready),
    .beat_data_i    (stream_data),
    .beat_last_i    (stream_last),
    .result_valid_o (result_valid),
    .result_ready_i (result_ready),
    .result_addr_o  (result_addr),
    .result_data_o  (result_data),
    .result_last_o  (result_last),
    .load_done_o    (load_done),
    .beats_o        (beat),
    .load_beats_o   (load_beat),
    .stall_read_o   (stall_read),
    .stall_drain_o  (stall_drain),
    .illegal_o      (illegal),
    .busy_o         (unused_engine_busy),
    .shape_error_o  (shape_error)
  );

  // Engine to memory.
  result_writer #(
    .Columns  (Columns),
    .AddrBits (AddrBits),
    .DataBits (ResultBits)
  ) u_writer (
    .clk_i,
    .rst_ni         (core_rst_n),
    .stop_i         (stop_q),
    .idle_o         (writer_idle),
    .error_o        (bus_write_error),
    .done_o         (write_done),
    .beat_o         (result_beat),
    .result_valid_i (result_valid),
    .result_ready_o (result_ready),
    .result_addr_i  (result_addr),
    .result_data_i  (result_data),
    .result_last_i  (result_last),
    .aw_valid_o     (m_axi_awvalid_o),
    .aw_ready_i     (m_axi_awready_i),
    .aw_addr_o      (m_axi_awaddr_o),
    .aw_len_o       (m_axi_awlen_o),
    .w_valid_o      (m_axi_wvalid_o),
    .w_ready_i      (m_axi_wready_i),
    .w_data_o       (m_axi_wdata_o),
    .w_strb_o       (m_axi_wstrb_o),
    .w_last_o       (m_axi_wlast_o),
    .b_valid_i      (m_axi_bvalid_i),
    .b_ready_o      (m_axi_bready_o),
    .b_resp_i       (m_axi_bresp_i)
  );

  // INCR bursts of whole beats.
  assign m_axi_arsize_o  = 3'($clog2(Columns));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_awsize_o  = 3'($clog2(Columns));
  assign m_axi_awburst_o = 2'b01;

  logic unused_signals;
  assign unused_signals = ^{unused_engine_usage, unused_engine_busy};
endmodule
