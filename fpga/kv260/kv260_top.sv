// SPDX-License-Identifier: Apache-2.0
/// The chip in the configuration `k26` for the programmable logic of a Zynq UltraScale+: what a block
/// design connects.
///
///   processor -- AXI4-Lite, 8 KiB --> memory_region -- 4 KiB --> tern_k26 --- AXI4, 512 bits --> HP port
///                                        '---------- base of the memory ---'
///
/// The HP ports carry no parity: it is made here for what is read, and what is written is not
/// checked. `irq_o` is a level.
module kv260_top (
  input  logic         clk_i,
  input  logic         rst_ni,
  output logic         irq_o,

  input  logic         s_axil_awvalid_i,
  output logic         s_axil_awready_o,
  input  logic [12:0]  s_axil_awaddr_i,
  input  logic         s_axil_wvalid_i,
  output logic         s_axil_wready_o,
  input  logic [31:0]  s_axil_wdata_i,
  input  logic [3:0]   s_axil_wstrb_i,
  output logic         s_axil_bvalid_o,
  input  logic         s_axil_bready_i,
  output logic [1:0]   s_axil_bresp_o,
  input  logic         s_axil_arvalid_i,
  output logic         s_axil_arready_o,
  input  logic [12:0]  s_axil_araddr_i,
  output logic         s_axil_rvalid_o,
  input  logic         s_axil_rready_i,
  output logic [31:0]  s_axil_rdata_o,
  output logic [1:0]   s_axil_rresp_o,

  output logic         m_axi_arvalid_o,
  input  logic         m_axi_arready_i,
  output logic [39:0]  m_axi_araddr_o,
  output logic [7:0]   m_axi_arlen_o,
  output logic [2:0]   m_axi_arsize_o,
  output logic [1:0]   m_axi_arburst_o,
  input  logic         m_axi_rvalid_i,
  output logic         m_axi_rready_o,
  input  logic [511:0] m_axi_rdata_i,
  input  logic [1:0]   m_axi_rresp_i,
  input  logic         m_axi_rlast_i,
  output logic         m_axi_awvalid_o,
  input  logic         m_axi_awready_i,
  output logic [39:0]  m_axi_awaddr_o,
  output logic [7:0]   m_axi_awlen_o,
  output logic [2:0]   m_axi_awsize_o,
  output logic [1:0]   m_axi_awburst_o,
  output logic         m_axi_wvalid_o,
  input  logic         m_axi_wready_i,
  output logic [511:0] m_axi_wdata_o,
  output logic [63:0]  m_axi_wstrb_o,
  output logic         m_axi_wlast_o,
  input  logic         m_axi_bvalid_i,
  output logic         m_axi_bready_o,
  input  logic [1:0]   m_axi_bresp_i
);
  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [11:0] awaddr, araddr;
  logic [31:0] wdata, rdata;
  logic [3:0]  wstrb;
  logic [1:0]  bresp, rresp;
  logic        chip_arvalid, chip_arready, chip_awvalid, chip_awready;
  logic [39:0] chip_araddr, chip_awaddr;
  logic [63:0] rdatachk, unused_wdatachk, unused_monitor;

  memory_region u_region (
    .clk_i,
    .rst_ni,
    .s_axil_awvalid_i,
    .s_axil_awready_o,
    .s_axil_awaddr_i,
    .s_axil_wvalid_i,
    .s_axil_wready_o,
    .s_axil_wdata_i,
    .s_axil_wstrb_i,
    .s_axil_bvalid_o,
    .s_axil_bready_i,
    .s_axil_bresp_o,
    .s_axil_arvalid_i,
    .s_axil_arready_o,
    .s_axil_araddr_i,
    .s_axil_rvalid_o,
    .s_axil_rready_i,
    .s_axil_rdata_o,
    .s_axil_rresp_o,
    .m_axil_awvalid_o (awvalid),
    .m_axil_awready_i (awready),
    .m_axil_awaddr_o  (awaddr),
    .m_axil_wvalid_o  (wvalid),
    .m_axil_wready_i  (wready),
    .m_axil_wdata_o   (wdata),
    .m_axil_wstrb_o   (wstrb),
    .m_axil_bvalid_i  (bvalid),
    .m_axil_bready_o  (bready),
    .m_axil_bresp_i   (bresp),
    .m_axil_arvalid_o (arvalid),
    .m_axil_arready_i (arready),
    .m_axil_araddr_o  (araddr),
    .m_axil_rvalid_i  (rvalid),
    .m_axil_rready_o  (rready),
    .m_axil_rdata_i   (rdata),
    .m_axil_rresp_i   (rresp),
    .chip_arvalid_i   (chip_arvalid),
    .chip_arready_o   (chip_arready),
    .chip_araddr_i    (chip_araddr),
    .chip_awvalid_i   (chip_awvalid),
    .chip_awready_o   (chip_awready),
    .chip_awaddr_i    (chip_awaddr),
    .mem_arvalid_o    (m_axi_arvalid_o),
    .mem_arready_i    (m_axi_arready_i),
    .mem_araddr_o     (m_axi_araddr_o),
    .mem_awvalid_o    (m_axi_awvalid_o),
    .mem_awready_i    (m_axi_awready_i),
    .mem_awaddr_o     (m_axi_awaddr_o)
  );

  for (genvar i = 0; i < 64; i++) begin : gen_parity
    assign rdatachk[i] = ~^m_axi_rdata_i[8*i +: 8];
  end

  tern_k26 u_chip (
    .clk_i,
    .rst_ni,
    .s_axil_awvalid_i (awvalid),
    .s_axil_awready_o (awready),
    .s_axil_awaddr_i  (awaddr),
    .s_axil_wvalid_i  (wvalid),
    .s_axil_wready_o  (wready),
    .s_axil_wdata_i   (wdata),
    .s_axil_wstrb_i   (wstrb),
    .s_axil_bvalid_o  (bvalid),
    .s_axil_bready_i  (bready),
    .s_axil_bresp_o   (bresp),
    .s_axil_arvalid_i (arvalid),
    .s_axil_arready_o (arready),
    .s_axil_araddr_i  (araddr),
    .s_axil_rvalid_o  (rvalid),
    .s_axil_rready_i  (rready),
    .s_axil_rdata_o   (rdata),
    .s_axil_rresp_o   (rresp),
    .m_axi_arvalid_o  (chip_arvalid),
    .m_axi_arready_i  (chip_arready),
    .m_axi_araddr_o   (chip_araddr),
    .m_axi_arlen_o,
    .m_axi_arsize_o,
    .m_axi_arburst_o,
    .m_axi_rvalid_i,
    .m_axi_rready_o,
    .m_axi_rdata_i,
    .m_axi_rdatachk_i (rdatachk),
    .m_axi_rresp_i,
    .m_axi_rlast_i,
    .m_axi_awvalid_o  (chip_awvalid),
    .m_axi_awready_i  (chip_awready),
    .m_axi_awaddr_o   (chip_awaddr),
    .m_axi_awlen_o,
    .m_axi_awsize_o,
    .m_axi_awburst_o,
    .m_axi_wvalid_o,
    .m_axi_wready_i,
    .m_axi_wdata_o,
    .m_axi_wdatachk_o (unused_wdatachk),
    .m_axi_wstrb_o,
    .m_axi_wlast_o,
    .m_axi_bvalid_i,
    .m_axi_bready_o,
    .m_axi_bresp_i,
    .irq_o,
    .monitor_o        (unused_monitor)
  );

  logic unused_signals;
  assign unused_signals = ^{unused_wdatachk, unused_monitor};
endmodule
