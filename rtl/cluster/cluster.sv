// SPDX-License-Identifier: Apache-2.0
/// A cluster: one channel of memory with the units that work on its stream.
///
///   commands -> queues -> segments -> stream reader -> prefetch FIFO -> matrix engine -> results
///                     |                                                       ^ activations
///                     +-> store unit <- scratchpad, -> memory
///
/// Checked commands come in order (`cmd_*`), LOAD and MATMUL with `to_stream_i`, STORE with
/// `to_store_i`, and wait here until `done_i`, the chip's counts of completed commands, lets them
/// start (see cluster_queue). The reader runs ahead of the engine across commands. What the engine
/// writes goes to the scratchpad by two of its write clients (`wr_*`: results, then what is loaded,
/// as scratchpad packs clients), and the maxima of results to the scalar registers (`max_o`). The
/// store unit is a client that reads (`rd_*`).
///
/// The AXI master does INCR bursts of whole beats on one ID, with a parity bit for each byte of
/// data. While `stop_i` is high no burst starts; when `events_o.in_flight` is low then, the cluster
/// may be reset. FastBody chooses the bodies of array and activation buffer, and nothing else.
module cluster #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned Lanes      = Cfg.lanes,
  localparam int unsigned OffsetBits = Columns > Lanes ? $clog2(Columns / Lanes) : 1
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic                           stop_i,
  input  logic                           working_i,

  // Commands
  input  logic                           cmd_valid_i,
  output logic                           cmd_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]   cmd_i,
  input  logic                           to_stream_i,
  input  logic                           to_store_i,
  input  logic [31:0]                    done_i,

  // Activations
  input  logic                           act_valid_i,
  input  logic [3:0]                     act_column_i,
  input  logic [11:0]                    act_tile_i,
  input  logic [OffsetBits-1:0]          act_offset_i,
  input  logic [Lanes-1:0]               act_mask_i,
  input  logic [8*Lanes-1:0]             act_data_i,

  // Scratchpad and scalar registers
  output logic [1:0]                     wr_valid_o,
  input  logic [1:0]                     wr_ready_i,
  output logic [2*20-1:0]                wr_addr_o,
  output logic [2*Lanes-1:0]             wr_mask_o,
  output logic [2*32*Lanes-1:0]          wr_data_o,
  output logic                           rd_valid_o,
  input  logic                           rd_ready_i,
  output logic [19:0]                    rd_addr_o,
  input  logic                           rd_data_valid_i,
  input  logic [32*Lanes-1:0]            rd_data_i,
  output bus_pkg::scalar_write_t         max_o,
  input  logic                           max_ready_i,

  // Memory
  output logic                           m_axi_arvalid_o,
  input  logic                           m_axi_arready_i,
  output logic [tern_pkg::AddrBits-1:0]  m_axi_araddr_o,
  output logic [7:0]                     m_axi_arlen_o,
  output logic [2:0]                     m_axi_arsize_o,
  output logic [1:0]                     m_axi_arburst_o,
  input  logic                           m_axi_rvalid_i,
  output logic                           m_axi_rready_o,
  input  logic [8*Columns-1:0]           m_axi_rdata_i,
  input  logic [Columns-1:0]             m_axi_rdatachk_i,
  input  logic [1:0]                     m_axi_rresp_i,
  input  logic                           m_axi_rlast_i,
  output logic                           m_axi_awvalid_o,
  input  logic                           m_axi_awready_i,
  output logic [tern_pkg::AddrBits-1:0]  m_axi_awaddr_o,
  output logic [7:0]                     m_axi_awlen_o,
  output logic [2:0]                     m_axi_awsize_o,
  output logic [1:0]                     m_axi_awburst_o,
  output logic                           m_axi_wvalid_o,
  input  logic                           m_axi_wready_i,
  output logic [8*Columns-1:0]           m_axi_wdata_o,
  output logic [Columns-1:0]             m_axi_wdatachk_o,
  output logic [Columns-1:0]             m_axi_wstrb_o,
  output logic                           m_axi_wlast_o,
  input  logic                           m_axi_bvalid_i,
  output logic                           m_axi_bready_o,
  input  logic [1:0]                     m_axi_bresp_i,

  output bus_pkg::cluster_events_t       events_o,
  output bus_pkg::cluster_counters_t     counters_o
);
  localparam int unsigned CmdBits     = tern_pkg::CmdBits;
  localparam int unsigned IllegalBits = $clog2(Columns) + 1;

  logic                          queue_empty, reader_idle, store_idle, engine_busy;
  logic                          seg_valid, seg_ready, eng_valid, eng_ready, eng_waits;
  logic                          str_valid, str_ready;
  logic [tern_pkg::AddrBits-1:0] seg_addr;
  logic [31:0]                   seg_beats;
  logic [CmdBits-1:0]            eng_cmd, str_cmd;

  cluster_queue #(.Cfg(Cfg)) u_queue (
    .clk_i, .rst_ni,
    .cmd_valid_i, .cmd_ready_o, .cmd_i, .to_stream_i, .to_store_i, .done_i,
    .empty_o     (queue_empty),
    .seg_valid_o (seg_valid),
    .seg_ready_i (seg_ready),
    .seg_addr_o  (seg_addr),
    .seg_beats_o (seg_beats),
    .eng_valid_o (eng_valid),
    .eng_ready_i (eng_ready),
    .eng_cmd_o   (eng_cmd),
    .eng_waits_o (eng_waits),
    .str_valid_o (str_valid),
    .str_ready_i (str_ready),
    .str_cmd_o   (str_cmd)
  );

  // Memory to engine.
  logic                 stream_valid, stream_ready, stream_last, bus_read_error, parity_error;
  logic [8*Columns-1:0] stream_data;

  stream_reader #(.Cfg(Cfg)) u_reader (
    .clk_i, .rst_ni, .stop_i,
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

  logic                   load_done, matmul_done, beat, load_beat, stall_read, stall_drain;
  logic                   shape_error, max_valid;
  logic [7:0]             max_index;
  logic [63:0]            max_data;
  logic [IllegalBits-1:0] illegal;

  matrix_engine #(.Cfg(Cfg), .FastBody(FastBody)) u_engine (
    .clk_i, .rst_ni,
    .cmd_valid_i     (eng_valid),
    .cmd_ready_o     (eng_ready),
    .cmd_i           (eng_cmd),
    .beat_valid_i    (stream_valid),
    .beat_ready_o    (stream_ready),
    .beat_data_i     (stream_data),
    .beat_last_i     (stream_last),
    .act_valid_i, .act_column_i, .act_tile_i, .act_offset_i, .act_mask_i, .act_data_i,
    .res_wr_valid_o  (wr_valid_o[0]),
    .res_wr_ready_i  (wr_ready_i[0]),
    .res_wr_addr_o   (wr_addr_o[19:0]),
    .res_wr_mask_o   (wr_mask_o[Lanes-1:0]),
    .res_wr_data_o   (wr_data_o[32*Lanes-1:0]),
    .load_wr_valid_o (wr_valid_o[1]),
    .load_wr_ready_i (wr_ready_i[1]),
    .load_wr_addr_o  (wr_addr_o[20 +: 20]),
    .load_wr_mask_o  (wr_mask_o[Lanes +: Lanes]),
    .load_wr_data_o  (wr_data_o[32*Lanes +: 32*Lanes]),
    .max_valid_o     (max_valid),
    .max_ready_i,
    .max_index_o     (max_index),
    .max_data_o      (max_data),
    .load_done_o     (load_done),
    .matmul_done_o   (matmul_done),
    .beats_o         (beat),
    .load_beats_o    (load_beat),
    .stall_read_o    (stall_read),
    .stall_drain_o   (stall_drain),
    .illegal_o       (illegal),
    .busy_o          (engine_busy),
    .shape_error_o   (shape_error)
  );
  assign max_o = {max_valid, max_index, 2'b11, max_data};

  // Scratchpad to memory.
  logic store_done, store_beat, bus_write_error;

  store_unit #(.Cfg(Cfg)) u_store (
    .clk_i, .rst_ni, .stop_i,
    .idle_o      (store_idle),
    .error_o     (bus_write_error),
    .done_o      (store_done),
    .beat_o      (store_beat),
    .cmd_valid_i (str_valid),
    .cmd_ready_o (str_ready),
    .cmd_i       (str_cmd),
    .rd_valid_o, .rd_ready_i, .rd_addr_o, .rd_data_valid_i, .rd_data_i,
    .aw_valid_o  (m_axi_awvalid_o),
    .aw_ready_i  (m_axi_awready_i),
    .aw_addr_o   (m_axi_awaddr_o),
    .aw_len_o    (m_axi_awlen_o),
    .w_valid_o   (m_axi_wvalid_o),
    .w_ready_i   (m_axi_wready_i),
    .w_data_o    (m_axi_wdata_o),
    .w_parity_o  (m_axi_wdatachk_o),
    .w_strb_o    (m_axi_wstrb_o),
    .w_last_o    (m_axi_wlast_o),
    .b_valid_i   (m_axi_bvalid_i),
    .b_ready_o   (m_axi_bready_o),
    .b_resp_i    (m_axi_bresp_i)
  );

  // INCR bursts of whole beats.
  assign m_axi_arsize_o  = 3'($clog2(Columns));
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_awsize_o  = 3'($clog2(Columns));
  assign m_axi_awburst_o = 2'b01;

  always_comb begin
    events_o                 = '0;
    events_o.beat            = beat;
    events_o.load_beat       = load_beat;
    events_o.store_beat      = store_beat;
    events_o.stall_read      = stall_read;
    events_o.stall_drain     = stall_drain;
    events_o.stall_wait      = eng_waits;
    events_o.load_done       = load_done;
    events_o.matmul_done     = matmul_done;
    events_o.store_done      = store_done;
    events_o.bus_read_error  = bus_read_error;
    events_o.bus_write_error = bus_write_error;
    events_o.parity_error    = parity_error;
    events_o.shape_error     = shape_error;
    events_o.illegal         = 7'(illegal);
    events_o.in_flight       = !reader_idle || !store_idle;
    events_o.busy            = events_o.in_flight || !queue_empty || engine_busy;
  end

  cluster_counters u_counters (
    .clk_i, .rst_ni, .working_i,
    .beat_i        (beat),
    .load_beat_i   (load_beat),
    .stall_drain_i (stall_drain),
    .stall_read_i  (stall_read),
    .stall_wait_i  (eng_waits),
    .store_beat_i  (store_beat),
    .illegal_i     (7'(illegal)),
    .bus_errors_i  (2'(bus_read_error || parity_error) + 2'(bus_write_error)),
    .counters_o
  );
endmodule
