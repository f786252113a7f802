// SPDX-License-Identifier: Apache-2.0
/// All of a board's FPGA that is not tied to a vendor: the chip, its memory and its host.
///
///   uart -> serial_host_link -> registers of the chip
///                            -> axi_arbiter -> sdram_controller -> SDRAM pins
///                       chip -'
///
/// One clock of ClockHz. SDRAM times are in nanoseconds, as data sheets give them, and are rounded to
/// clock cycles here; the defaults are the slowest of the 32 MB chips of speed grade 7 and 75 that
/// boards carry. ReadDelay counts the cycles that registers at the pins add to a read, on the way out
/// and back. The data bus is split: `sdram_dq_o` is driven while `sdram_dq_oe_o`.
///
/// The host resets the chip through the chip's CTRL register; only `rst_ni` resets link and memory.
///
/// `led_o`: 0 blinks while the clock runs, 1 the host sends, 2 the board replies, 3 memory is read or
/// written, 4 the chip works on a request, 5 a command runs, 6 interrupt line, 7 out of reset.
/// Lights 1 to 5 stay on for a tenth of a second, long enough to be seen.
module board_core #(
  parameter int unsigned ClockHz       = tern_pkg::BoardClockHz,
  parameter int unsigned Baud          = 3000000,
  parameter bit          FastBody      = 1'b0,     // see tern_chip
  parameter int unsigned RowBits       = 13,
  parameter int unsigned ColBits       = 9,
  parameter int unsigned CasLatency    = 2,
  parameter int unsigned ReadDelay     = tern_pkg::BoardReadDelay,
  parameter int unsigned RcdNs         = 20,
  parameter int unsigned RpNs          = 20,
  parameter int unsigned RasNs         = 45,
  parameter int unsigned RcNs          = 68,
  parameter int unsigned RfcNs         = 68,
  parameter int unsigned RrdNs         = 15,
  parameter int unsigned WrNs          = 15,
  parameter int unsigned RefreshNs     = 7800,     // 64 ms for 8192 rows, rounded down
  parameter int unsigned PowerUpNs     = 200000,
  parameter int unsigned PauseCharacters = 6000    // see serial_host_link
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               uart_rx_i,
  output logic               uart_tx_o,

  output logic               sdram_cke_o,
  output logic               sdram_cs_no,
  output logic               sdram_ras_no,
  output logic               sdram_cas_no,
  output logic               sdram_we_no,
  output logic [1:0]         sdram_ba_o,
  output logic [RowBits-1:0] sdram_a_o,
  output logic [1:0]         sdram_dqm_o,
  output logic [15:0]        sdram_dq_o,
  output logic               sdram_dq_oe_o,
  input  logic [15:0]        sdram_dq_i,

  output logic [7:0]         led_o
);
  localparam int unsigned AddrBits = tern_pkg::AddrBits;
  localparam int unsigned Columns  = 8;
  localparam int unsigned Kilohertz = ClockHz / 1000;
  // Rounded to nearest: at most 1/256 off, where the link takes 3 %.
  localparam int unsigned ClocksPerBit16 = (16 * ClockHz + Baud / 2) / Baud;

  // Cycles that last at least `ns`; at least one.
  function automatic int unsigned cycles(input int unsigned ns);
    cycles = 32'((64'(ns) * 64'(Kilohertz) + 64'd999999) / 64'd1000000);
  endfunction
  localparam int unsigned RefreshCycles = 32'(64'(RefreshNs) * 64'(Kilohertz) / 64'd1000000);

  // Manager 0 is the chip, manager 1 the host.
  logic                  irq;
  tern_pkg::monitor_t    monitor;
  logic [1:0]            s_arvalid, s_arready, s_rvalid, s_rready, s_awvalid, s_awready;
  logic [1:0]            s_wvalid, s_wready, s_wlast, s_bvalid, s_bready;
  logic [2*AddrBits-1:0] s_araddr, s_awaddr;
  logic [15:0]           s_arlen, s_awlen;
  logic [63:0]           s_rdata;
  logic [7:0]            s_rdatachk;
  logic [1:0]            s_rresp, s_bresp;
  logic                  s_rlast;
  logic [127:0]          s_wdata;
  logic [15:0]           s_wdatachk, s_wstrb;

  logic        l_awvalid, l_awready, l_wvalid, l_wready, l_bvalid, l_bready;
  logic        l_arvalid, l_arready, l_rvalid, l_rready;
  logic [11:0] l_awaddr, l_araddr;
  logic [31:0] l_wdata, l_rdata;
  logic [3:0]  l_wstrb;
  logic [1:0]  l_bresp, l_rresp;

  // The chip's side of the registers between it and the memory.
  logic                c_arvalid, c_arready, c_rvalid, c_rready, c_rlast, c_awvalid, c_awready;
  logic                c_wvalid, c_wready, c_wlast, c_bvalid, c_bready;
  logic [AddrBits-1:0] c_araddr, c_awaddr;
  logic [7:0]          c_arlen, c_awlen, c_rdatachk, c_wdatachk, c_wstrb;
  logic [63:0]         c_rdata, c_wdata;
  logic [1:0]          c_rresp, c_bresp;

  elastic #(.Width(AddrBits + 8)) u_ar (
    .clk_i, .rst_ni,
    .valid_i (c_arvalid),
    .ready_o (c_arready),
    .data_i  ({c_araddr, c_arlen}),
    .valid_o (s_arvalid[0]),
    .ready_i (s_arready[0]),
    .data_o  ({s_araddr[AddrBits-1:0], s_arlen[7:0]})
  );
  elastic #(.Width(75)) u_r (
    .clk_i, .rst_ni,
    .valid_i (s_rvalid[0]),
    .ready_o (s_rready[0]),
    .data_i  ({s_rdata, s_rdatachk, s_rresp, s_rlast}),
    .valid_o (c_rvalid),
    .ready_i (c_rready),
    .data_o  ({c_rdata, c_rdatachk, c_rresp, c_rlast})
  );
  elastic #(.Width(AddrBits + 8)) u_aw (
    .clk_i, .rst_ni,
    .valid_i (c_awvalid),
    .ready_o (c_awready),
    .data_i  ({c_awaddr, c_awlen}),
    .valid_o (s_awvalid[0]),
    .ready_i (s_awready[0]),
    .data_o  ({s_awaddr[AddrBits-1:0], s_awlen[7:0]})
  );
  elastic #(.Width(81)) u_w (
    .clk_i, .rst_ni,
    .valid_i (c_wvalid),
    .ready_o (c_wready),
    .data_i  ({c_wdata, c_wdatachk, c_wstrb, c_wlast}),
    .valid_o (s_wvalid[0]),
    .ready_i (s_wready[0]),
    .data_o  ({s_wdata[63:0], s_wdatachk[7:0], s_wstrb[7:0], s_wlast[0]})
  );
  elastic #(.Width(2)) u_b (
    .clk_i, .rst_ni,
    .valid_i (s_bvalid[0]),
    .ready_o (s_bready[0]),
    .data_i  (s_bresp),
    .valid_o (c_bvalid),
    .ready_i (c_bready),
    .data_o  (c_bresp)
  );

  logic [2:0] unused_arsize, unused_awsize;
  logic [1:0] unused_arburst, unused_awburst;
  tern_ulx3s #(.FastBody(FastBody)) u_chip (
    .clk_i,
    .rst_ni,
    .s_axil_awvalid_i (l_awvalid),
    .s_axil_awready_o (l_awready),
    .s_axil_awaddr_i  (l_awaddr),
    .s_axil_wvalid_i  (l_wvalid),
    .s_axil_wready_o  (l_wready),
    .s_axil_wdata_i   (l_wdata),
    .s_axil_wstrb_i   (l_wstrb),
    .s_axil_bvalid_o  (l_bvalid),
    .s_axil_bready_i  (l_bready),
    .s_axil_bresp_o   (l_bresp),
    .s_axil_arvalid_i (l_arvalid),
    .s_axil_arready_o (l_arready),
    .s_axil_araddr_i  (l_araddr),
    .s_axil_rvalid_o  (l_rvalid),
    .s_axil_rready_i  (l_rready),
    .s_axil_rdata_o   (l_rdata),
    .s_axil_rresp_o   (l_rresp),
    .m_axi_arvalid_o  (c_arvalid),
    .m_axi_arready_i  (c_arready),
    .m_axi_araddr_o   (c_araddr),
    .m_axi_arlen_o    (c_arlen),
    .m_axi_arsize_o   (unused_arsize),
    .m_axi_arburst_o  (unused_arburst),
    .m_axi_rvalid_i   (c_rvalid),
    .m_axi_rready_o   (c_rready),
    .m_axi_rdata_i    (c_rdata),
    .m_axi_rdatachk_i (c_rdatachk),
    .m_axi_rresp_i    (c_rresp),
    .m_axi_rlast_i    (c_rlast),
    .m_axi_awvalid_o  (c_awvalid),
    .m_axi_awready_i  (c_awready),
    .m_axi_awaddr_o   (c_awaddr),
    .m_axi_awlen_o    (c_awlen),
    .m_axi_awsize_o   (unused_awsize),
    .m_axi_awburst_o  (unused_awburst),
    .m_axi_wvalid_o   (c_wvalid),
    .m_axi_wready_i   (c_wready),
    .m_axi_wdata_o    (c_wdata),
    .m_axi_wdatachk_o (c_wdatachk),
    .m_axi_wstrb_o    (c_wstrb),
    .m_axi_wlast_o    (c_wlast),
    .m_axi_bvalid_i   (c_bvalid),
    .m_axi_bready_o   (c_bready),
    .m_axi_bresp_i    (c_bresp),
    .irq_o            (irq),
    .monitor_o        (monitor)
  );

  serial_host_link #(
    .ClocksPerBit16(ClocksPerBit16), .PauseCharacters(PauseCharacters)
  ) u_link (
    .clk_i,
    .rst_ni,
    .irq_i            (irq),
    .rx_i             (uart_rx_i),
    .tx_o             (uart_tx_o),
    .m_axil_awvalid_o (l_awvalid),
    .m_axil_awready_i (l_awready),
    .m_axil_awaddr_o  (l_awaddr),
    .m_axil_wvalid_o  (l_wvalid),
    .m_axil_wready_i  (l_wready),
    .m_axil_wdata_o   (l_wdata),
    .m_axil_wstrb_o   (l_wstrb),
    .m_axil_bvalid_i  (l_bvalid),
    .m_axil_bready_o  (l_bready),
    .m_axil_bresp_i   (l_bresp),
    .m_axil_arvalid_o (l_arvalid),
    .m_axil_arready_i (l_arready),
    .m_axil_araddr_o  (l_araddr),
    .m_axil_rvalid_i  (l_rvalid),
    .m_axil_rready_o  (l_rready),
    .m_axil_rdata_i   (l_rdata),
    .m_axil_rresp_i   (l_rresp),
    .m_axi_arvalid_o  (s_arvalid[1]),
    .m_axi_arready_i  (s_arready[1]),
    .m_axi_araddr_o   (s_araddr[2*AddrBits-1:AddrBits]),
    .m_axi_arlen_o    (s_arlen[15:8]),
    .m_axi_rvalid_i   (s_rvalid[1]),
    .m_axi_rready_o   (s_rready[1]),
    .m_axi_rdata_i    (s_rdata),
    .m_axi_rdatachk_i (s_rdatachk),
    .m_axi_rresp_i    (s_rresp),
    .m_axi_rlast_i    (s_rlast),
    .m_axi_awvalid_o  (s_awvalid[1]),
    .m_axi_awready_i  (s_awready[1]),
    .m_axi_awaddr_o   (s_awaddr[2*AddrBits-1:AddrBits]),
    .m_axi_awlen_o    (s_awlen[15:8]),
    .m_axi_wvalid_o   (s_wvalid[1]),
    .m_axi_wready_i   (s_wready[1]),
    .m_axi_wdata_o    (s_wdata[127:64]),
    .m_axi_wdatachk_o (s_wdatachk[15:8]),
    .m_axi_wstrb_o    (s_wstrb[15:8]),
    .m_axi_wlast_o    (s_wlast[1]),
    .m_axi_bvalid_i   (s_bvalid[1]),
    .m_axi_bready_o   (s_bready[1]),
    .m_axi_bresp_i    (s_bresp)
  );

  // Memory.
  logic                m_arvalid, m_arready, m_rvalid, m_rready, m_rlast, m_awvalid, m_awready;
  logic                m_wvalid, m_wready, m_wlast, m_bvalid, m_bready;
  logic [AddrBits-1:0] m_araddr, m_awaddr;
  logic [7:0]          m_arlen, m_awlen, m_rdatachk, m_wdatachk, m_wstrb;
  logic [63:0]         m_rdata, m_wdata;
  logic [1:0]          m_rresp, m_bresp;

  axi_arbiter #(.AddrBits(AddrBits), .Columns(Columns)) u_arbiter (
    .clk_i,
    .rst_ni,
    .s_axi_arvalid_i  (s_arvalid),
    .s_axi_arready_o  (s_arready),
    .s_axi_araddr_i   (s_araddr),
    .s_axi_arlen_i    (s_arlen),
    .s_axi_rvalid_o   (s_rvalid),
    .s_axi_rready_i   (s_rready),
    .s_axi_rdata_o    (s_rdata),
    .s_axi_rdatachk_o (s_rdatachk),
    .s_axi_rresp_o    (s_rresp),
    .s_axi_rlast_o    (s_rlast),
    .s_axi_awvalid_i  (s_awvalid),
    .s_axi_awready_o  (s_awready),
    .s_axi_awaddr_i   (s_awaddr),
    .s_axi_awlen_i    (s_awlen),
    .s_axi_wvalid_i   (s_wvalid),
    .s_axi_wready_o   (s_wready),
    .s_axi_wdata_i    (s_wdata),
    .s_axi_wdatachk_i (s_wdatachk),
    .s_axi_wstrb_i    (s_wstrb),
    .s_axi_wlast_i    (s_wlast),
    .s_axi_bvalid_o   (s_bvalid),
    .s_axi_bready_i   (s_bready),
    .s_axi_bresp_o    (s_bresp),
    .m_axi_arvalid_o  (m_arvalid),
    .m_axi_arready_i  (m_arready),
    .m_axi_araddr_o   (m_araddr),
    .m_axi_arlen_o    (m_arlen),
    .m_axi_rvalid_i   (m_rvalid),
    .m_axi_rready_o   (m_rready),
    .m_axi_rdata_i    (m_rdata),
    .m_axi_rdatachk_i (m_rdatachk),
    .m_axi_rresp_i    (m_rresp),
    .m_axi_rlast_i    (m_rlast),
    .m_axi_awvalid_o  (m_awvalid),
    .m_axi_awready_i  (m_awready),
    .m_axi_awaddr_o   (m_awaddr),
    .m_axi_awlen_o    (m_awlen),
    .m_axi_wvalid_o   (m_wvalid),
    .m_axi_wready_i   (m_wready),
    .m_axi_wdata_o    (m_wdata),
    .m_axi_wdatachk_o (m_wdatachk),
    .m_axi_wstrb_o    (m_wstrb),
    .m_axi_wlast_o    (m_wlast),
    .m_axi_bvalid_i   (m_bvalid),
    .m_axi_bready_o   (m_bready),
    .m_axi_bresp_i    (m_bresp)
  );

  sdram_controller #(
    .AddrBits(AddrBits), .RowBits(RowBits), .ColBits(ColBits), .CasLatency(CasLatency),
    .ReadDelay(ReadDelay), .TRcd(cycles(RcdNs)), .TRp(cycles(RpNs)), .TRas(cycles(RasNs)),
    .TRc(cycles(RcNs)), .TRfc(cycles(RfcNs)), .TRrd(cycles(RrdNs)), .TWr(cycles(WrNs)),
    .TRefi(RefreshCycles), .PowerUp(cycles(PowerUpNs))
  ) u_memory (
    .clk_i,
    .rst_ni,
    .s_axi_arvalid_i  (m_arvalid),
    .s_axi_arready_o  (m_arready),
    .s_axi_araddr_i   (m_araddr),
    .s_axi_arlen_i    (m_arlen),
    .s_axi_rvalid_o   (m_rvalid),
    .s_axi_rready_i   (m_rready),
    .s_axi_rdata_o    (m_rdata),
    .s_axi_rdatachk_o (m_rdatachk),
    .s_axi_rresp_o    (m_rresp),
    .s_axi_rlast_o    (m_rlast),
    .s_axi_awvalid_i  (m_awvalid),
    .s_axi_awready_o  (m_awready),
    .s_axi_awaddr_i   (m_awaddr),
    .s_axi_awlen_i    (m_awlen),
    .s_axi_wvalid_i   (m_wvalid),
    .s_axi_wready_o   (m_wready),
    .s_axi_wdata_i    (m_wdata),
    .s_axi_wdatachk_i (m_wdatachk),
    .s_axi_wstrb_i    (m_wstrb),
    .s_axi_wlast_i    (m_wlast),
    .s_axi_bvalid_o   (m_bvalid),
    .s_axi_bready_i   (m_bready),
    .s_axi_bresp_o    (m_bresp),
    .sdram_cke_o,
    .sdram_cs_no,
    .sdram_ras_no,
    .sdram_cas_no,
    .sdram_we_no,
    .sdram_ba_o,
    .sdram_a_o,
    .sdram_dqm_o,
    .sdram_dq_o,
    .sdram_dq_oe_o,
    .sdram_dq_i
  );

  status_lights #(.ClockHz(ClockHz)) u_lights (
    .clk_i,
    .rst_ni,
    .rx_i      (!uart_rx_i),
    .tx_i      (!uart_tx_o),
    .memory_i  (m_rvalid || m_wvalid),
    .working_i (monitor.working),
    .command_i (monitor.beat || monitor.load_beat || monitor.stall_read || monitor.stall_drain ||
                monitor.stall_wait || monitor.store_beat || monitor.vector_busy),
    .irq_i     (irq),
    .led_o
  );

  logic unused_signals;
  assign unused_signals = ^{monitor, unused_arsize, unused_awsize, unused_arburst,
                            unused_awburst};

`ifndef SYNTHESIS
  initial begin
    if (ClockHz < 8 * Baud) $fatal(1, "board_core: a bit takes less than eight cycles");
  end
`endif
endmodule
