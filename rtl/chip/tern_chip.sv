// SPDX-License-Identifier: Apache-2.0
/// The chip: host side, clusters, and what the clusters share.
///
///   host side (registers, controller with its firmware, devices) -> command queue and scoreboard
///   LOAD, MATMUL, STORE -> cluster: memory -> matrix engine -> scratchpad -> memory
///   VECTOR, SCALAR -> vector unit <-> scratchpad, -> activations of the clusters
///
/// A cluster is a channel of memory with its units. There is one (Clusters), and commands, events,
/// counters and maxima are between it and the rest; each cluster has its part of the m_axi signals
/// and of the scratchpad's clients, and activations go to all.
///
/// All transfers are INCR bursts of full beats on one AXI ID, with a parity bit for each byte of
/// data as AMBA AXI5 has them (RDATACHK, WDATACHK: odd parity). A soft reset first lets the bursts
/// in flight end, then drops all state but the bus interface and the controller's memories;
/// STATUS.busy stays 1 until then.
///
/// Cfg holds its parameters. With Cfg.small_fabric, for an FPGA that is small and slow, there are
/// registers in the longest paths, which cost cycles, and the top-k list is in a memory; results
/// are the same. FastBody is no property of the chip: it simulates parts of the matrix engine
/// faster, to the same cycle.
///
/// `monitor_o`, a monitor_t, tells what each unit does in this cycle, for a timeline; nothing
/// depends on it.
module tern_chip #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Clusters = 1,
  localparam int unsigned Columns  = Cfg.columns
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic                        s_axil_awvalid_i,
  output logic                        s_axil_awready_o,
  input  logic [11:0]                 s_axil_awaddr_i,
  input  logic                        s_axil_wvalid_i,
  output logic                        s_axil_wready_o,
  input  logic [31:0]                 s_axil_wdata_i,
  input  logic [3:0]                  s_axil_wstrb_i,
  output logic                        s_axil_bvalid_o,
  input  logic                        s_axil_bready_i,
  output logic [1:0]                  s_axil_bresp_o,
  input  logic                        s_axil_arvalid_i,
  output logic                        s_axil_arready_o,
  input  logic [11:0]                 s_axil_araddr_i,
  output logic                        s_axil_rvalid_o,
  input  logic                        s_axil_rready_i,
  output logic [31:0]                 s_axil_rdata_o,
  output logic [1:0]                  s_axil_rresp_o,

  output logic [Clusters-1:0]           m_axi_arvalid_o,
  input  logic [Clusters-1:0]           m_axi_arready_i,
  output logic [40*Clusters-1:0]        m_axi_araddr_o,
  output logic [8*Clusters-1:0]         m_axi_arlen_o,
  output logic [3*Clusters-1:0]         m_axi_arsize_o,
  output logic [2*Clusters-1:0]         m_axi_arburst_o,
  input  logic [Clusters-1:0]           m_axi_rvalid_i,
  output logic [Clusters-1:0]           m_axi_rready_o,
  input  logic [8*Columns*Clusters-1:0] m_axi_rdata_i,
  input  logic [Columns*Clusters-1:0]   m_axi_rdatachk_i,
  input  logic [2*Clusters-1:0]         m_axi_rresp_i,
  input  logic [Clusters-1:0]           m_axi_rlast_i,
  output logic [Clusters-1:0]           m_axi_awvalid_o,
  input  logic [Clusters-1:0]           m_axi_awready_i,
  output logic [40*Clusters-1:0]        m_axi_awaddr_o,
  output logic [8*Clusters-1:0]         m_axi_awlen_o,
  output logic [3*Clusters-1:0]         m_axi_awsize_o,
  output logic [2*Clusters-1:0]         m_axi_awburst_o,
  output logic [Clusters-1:0]           m_axi_wvalid_o,
  input  logic [Clusters-1:0]           m_axi_wready_i,
  output logic [8*Columns*Clusters-1:0] m_axi_wdata_o,
  output logic [Columns*Clusters-1:0]   m_axi_wdatachk_o,
  output logic [Columns*Clusters-1:0]   m_axi_wstrb_o,
  output logic [Clusters-1:0]           m_axi_wlast_o,
  input  logic [Clusters-1:0]           m_axi_bvalid_i,
  output logic [Clusters-1:0]           m_axi_bready_o,
  input  logic [2*Clusters-1:0]         m_axi_bresp_i,

  output logic                        irq_o,
  output logic [63:0]                 monitor_o
);
  localparam int unsigned CmdBits      = tern_pkg::CmdBits;
  localparam int unsigned Lanes        = Cfg.lanes;
  localparam int unsigned SatBits      = $clog2(Lanes + 1);
  localparam int unsigned LineBits     = 32 * Lanes;
  localparam int unsigned OffsetBits   = Columns > Lanes ? $clog2(Columns / Lanes) : 1;
  localparam int unsigned EventBits    = bus_pkg::ClusterEventsBits;
  localparam int unsigned CountersBits = bus_pkg::ClusterCountersBits;
  localparam int unsigned MaxBits      = bus_pkg::ScalarWriteBits;
  // Clients of the scratchpad: host side, vector unit, and what each cluster has.
  localparam int unsigned Readers = 2 + Clusters;
  localparam int unsigned Writers = 2 + 2 * Clusters;

  logic core_rst_n, stop, working;

  // Scratchpad: client i has the i-th part of each signal.
  logic [Readers-1:0]          rd_valid, rd_ready, rd_data_valid;
  logic [20*Readers-1:0]       rd_addr;
  logic [LineBits-1:0]         rd_data;
  logic [Writers-1:0]          wr_valid, wr_ready;
  logic [20*Writers-1:0]       wr_addr;
  logic [Lanes*Writers-1:0]    wr_mask;
  logic [LineBits*Writers-1:0] wr_data;

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

  // Host side.
  logic                       issue_valid, issue_ready, bad_command, queue_empty;
  logic [CmdBits-1:0]         issue_cmd;
  logic [31:0]                done;
  bus_pkg::scratch_request_t  host_scratch;
  bus_pkg::scalar_write_t     host_scalar, maximum;
  bus_pkg::vector_read_t      vector_read;
  bus_pkg::vector_answer_t    vector_answer;
  bus_pkg::cluster_events_t   events;
  bus_pkg::cluster_counters_t counters;
  logic                       scalar_wr_ready, act_error, vector_done, vector_busy;
  logic [5:0]                 vector_op;
  logic [SatBits-1:0]         saturated;

  host_side #(.Cfg(Cfg)) u_host (
    .clk_i, .rst_ni,
    .core_rst_no             (core_rst_n),
    .stop_o                  (stop),
    .s_axil_awvalid_i, .s_axil_awready_o, .s_axil_awaddr_i,
    .s_axil_wvalid_i, .s_axil_wready_o, .s_axil_wdata_i, .s_axil_wstrb_i,
    .s_axil_bvalid_o, .s_axil_bready_i, .s_axil_bresp_o,
    .s_axil_arvalid_i, .s_axil_arready_o, .s_axil_araddr_i,
    .s_axil_rvalid_o, .s_axil_rready_i, .s_axil_rdata_o, .s_axil_rresp_o,
    .irq_o,
    .issue_valid_o           (issue_valid),
    .issue_ready_i           (issue_ready),
    .issue_cmd_o             (issue_cmd),
    .done_i                  (done),
    .scalar_wr_o             (host_scalar),
    .scalar_wr_ready_i       (scalar_wr_ready && !maximum.valid),
    .vector_read_o           (vector_read),
    .vector_answer_i         (vector_answer),
    .vector_done_i           (vector_done),
    .vector_busy_i           (vector_busy),
    .vector_op_i             (vector_op),
    .saturated_i             (saturated),
    .scratch_o               (host_scratch),
    .scratch_rd_ready_i      (rd_ready[0]),
    .scratch_rd_data_valid_i (rd_data_valid[0]),
    .scratch_rd_data_i       (rd_data[31:0]),
    .scratch_wr_ready_i      (wr_ready[0]),
    .events_i                (events),
    .counters_i              (counters),
    .bad_command_i           (bad_command || act_error),
    .busy_i                  (!queue_empty || events.busy || vector_busy),
    .working_o               (working),
    .monitor_o
  );
  assign rd_valid[0]           = host_scratch.read;
  assign rd_addr[19:0]         = host_scratch.addr;
  assign wr_valid[0]           = host_scratch.write;
  assign wr_addr[19:0]         = host_scratch.addr;
  assign wr_mask[Lanes-1:0]    = Lanes'(1);
  assign wr_data[LineBits-1:0] = LineBits'(host_scratch.data);

  // Commands.
  logic                cmd_valid, cmd_to_stream, cmd_to_store, vec_valid, vec_ready;
  logic [Clusters-1:0] cmd_ready;
  logic [CmdBits-1:0]  cmd, vec_cmd;

  command_queue #(.Cfg(Cfg)) u_queue (
    .clk_i,
    .rst_ni        (core_rst_n),
    .issue_valid_i (issue_valid),
    .issue_ready_o (issue_ready),
    .issue_cmd_i   (issue_cmd),
    .bad_o         (bad_command),
    .clu_valid_o   (cmd_valid),
    .clu_ready_i   (cmd_ready[0]),
    .clu_cmd_o     (cmd),
    .to_stream_o   (cmd_to_stream),
    .to_store_o    (cmd_to_store),
    .vec_valid_o   (vec_valid),
    .vec_ready_i   (vec_ready),
    .vec_cmd_o     (vec_cmd),
    .load_done_i   (events.load_done),
    .matmul_done_i (events.matmul_done),
    .vector_done_i (vector_done),
    .store_done_i  (events.store_done),
    .done_o        (done),
    .empty_o       (queue_empty)
  );

  // Clusters.
  logic                             act_valid;
  logic [3:0]                       act_column;
  logic [11:0]                      act_tile;
  logic [OffsetBits-1:0]            act_offset;
  logic [Lanes-1:0]                 act_mask;
  logic [8*Lanes-1:0]               act_data;
  logic [EventBits*Clusters-1:0]    cluster_events;
  logic [CountersBits*Clusters-1:0] cluster_counters;
  logic [MaxBits*Clusters-1:0]      maxima;

  for (genvar k = 0; k < Clusters; k++) begin : gen_cluster
    cluster #(.Cfg(Cfg), .FastBody(FastBody)) u_cluster (
      .clk_i,
      .rst_ni           (core_rst_n),
      .stop_i           (stop),
      .working_i        (working),
      .cmd_valid_i      (cmd_valid),
      .cmd_ready_o      (cmd_ready[k]),
      .cmd_i            (cmd),
      .to_stream_i      (cmd_to_stream),
      .to_store_i       (cmd_to_store),
      .done_i           (done),
      .act_valid_i      (act_valid),
      .act_column_i     (act_column),
      .act_tile_i       (act_tile),
      .act_offset_i     (act_offset),
      .act_mask_i       (act_mask),
      .act_data_i       (act_data),
      .wr_valid_o       (wr_valid[2 + 2*k +: 2]),
      .wr_ready_i       (wr_ready[2 + 2*k +: 2]),
      .wr_addr_o        (wr_addr[20*(2 + 2*k) +: 2*20]),
      .wr_mask_o        (wr_mask[Lanes*(2 + 2*k) +: 2*Lanes]),
      .wr_data_o        (wr_data[LineBits*(2 + 2*k) +: 2*LineBits]),
      .rd_valid_o       (rd_valid[2 + k]),
      .rd_ready_i       (rd_ready[2 + k]),
      .rd_addr_o        (rd_addr[20*(2 + k) +: 20]),
      .rd_data_valid_i  (rd_data_valid[2 + k]),
      .rd_data_i        (rd_data),
      .max_o            (maxima[MaxBits*k +: MaxBits]),
      .max_ready_i      (scalar_wr_ready),
      .m_axi_arvalid_o  (m_axi_arvalid_o[k]),
      .m_axi_arready_i  (m_axi_arready_i[k]),
      .m_axi_araddr_o   (m_axi_araddr_o[40*k +: 40]),
      .m_axi_arlen_o    (m_axi_arlen_o[8*k +: 8]),
      .m_axi_arsize_o   (m_axi_arsize_o[3*k +: 3]),
      .m_axi_arburst_o  (m_axi_arburst_o[2*k +: 2]),
      .m_axi_rvalid_i   (m_axi_rvalid_i[k]),
      .m_axi_rready_o   (m_axi_rready_o[k]),
      .m_axi_rdata_i    (m_axi_rdata_i[8*Columns*k +: 8*Columns]),
      .m_axi_rdatachk_i (m_axi_rdatachk_i[Columns*k +: Columns]),
      .m_axi_rresp_i    (m_axi_rresp_i[2*k +: 2]),
      .m_axi_rlast_i    (m_axi_rlast_i[k]),
      .m_axi_awvalid_o  (m_axi_awvalid_o[k]),
      .m_axi_awready_i  (m_axi_awready_i[k]),
      .m_axi_awaddr_o   (m_axi_awaddr_o[40*k +: 40]),
      .m_axi_awlen_o    (m_axi_awlen_o[8*k +: 8]),
      .m_axi_awsize_o   (m_axi_awsize_o[3*k +: 3]),
      .m_axi_awburst_o  (m_axi_awburst_o[2*k +: 2]),
      .m_axi_wvalid_o   (m_axi_wvalid_o[k]),
      .m_axi_wready_i   (m_axi_wready_i[k]),
      .m_axi_wdata_o    (m_axi_wdata_o[8*Columns*k +: 8*Columns]),
      .m_axi_wdatachk_o (m_axi_wdatachk_o[Columns*k +: Columns]),
      .m_axi_wstrb_o    (m_axi_wstrb_o[Columns*k +: Columns]),
      .m_axi_wlast_o    (m_axi_wlast_o[k]),
      .m_axi_bvalid_i   (m_axi_bvalid_i[k]),
      .m_axi_bready_o   (m_axi_bready_o[k]),
      .m_axi_bresp_i    (m_axi_bresp_i[2*k +: 2]),
      .events_o         (cluster_events[EventBits*k +: EventBits]),
      .counters_o       (cluster_counters[CountersBits*k +: CountersBits])
    );
  end
  assign events   = cluster_events[EventBits-1:0];
  assign counters = cluster_counters[CountersBits-1:0];
  assign maximum  = maxima[MaxBits-1:0];

  // Vector unit. Maxima go into its scalar registers before what the controller writes.
  bus_pkg::scalar_write_t scalar_wr;
  assign scalar_wr = maximum.valid ? maximum : host_scalar;

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
    .ext_wr_valid_i  (scalar_wr.valid),
    .ext_wr_ready_o  (scalar_wr_ready),
    .ext_wr_index_i  (scalar_wr.index),
    .ext_wr_strobe_i (scalar_wr.strobe),
    .ext_wr_data_i   (scalar_wr.data),
    .ext_rd_valid_i  (vector_read.scalar),
    .ext_rd_ready_o  (vector_answer.ready),
    .ext_rd_index_i  (vector_read.index),
    .ext_rd_done_o   (vector_answer.done),
    .ext_rd_data_o   (vector_answer.data),
    .topk_count_o    (vector_answer.topk_count),
    .topk_index_i    (vector_read.topk_index),
    .topk_value_o    (vector_answer.topk_value),
    .topk_number_o   (vector_answer.topk_number)
  );
endmodule
