// SPDX-License-Identifier: Apache-2.0
/// Puts the memory of the chip, which starts at address 0, somewhere into the memory of a larger system.
///
/// The chip's address a becomes base + (a mod size), so that the chip reaches nothing outside. Until the host has
/// enabled the window, the chip's requests wait. The chip's registers, the first 4 KiB of `s_axil_*`,
/// go on to `m_axil_*`; behind them come, in 32 bits each:
///
///   0x1000  base in MiB
///   0x1004  bits 19:0: size in MiB less one, which has all ones below its highest one; bit 31: enabled
///
/// Other addresses answer SLVERR. One read and one write are under way at a time.
module memory_region #(
  parameter int unsigned AddrBits = 40
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                s_axil_awvalid_i,
  output logic                s_axil_awready_o,
  input  logic [12:0]         s_axil_awaddr_i,
  input  logic                s_axil_wvalid_i,
  output logic                s_axil_wready_o,
  input  logic [31:0]         s_axil_wdata_i,
  input  logic [3:0]          s_axil_wstrb_i,
  output logic                s_axil_bvalid_o,
  input  logic                s_axil_bready_i,
  output logic [1:0]          s_axil_bresp_o,
  input  logic                s_axil_arvalid_i,
  output logic                s_axil_arready_o,
  input  logic [12:0]         s_axil_araddr_i,
  output logic                s_axil_rvalid_o,
  input  logic                s_axil_rready_i,
  output logic [31:0]         s_axil_rdata_o,
  output logic [1:0]          s_axil_rresp_o,

  output logic                m_axil_awvalid_o,
  input  logic                m_axil_awready_i,
  output logic [11:0]         m_axil_awaddr_o,
  output logic                m_axil_wvalid_o,
  input  logic                m_axil_wready_i,
  output logic [31:0]         m_axil_wdata_o,
  output logic [3:0]          m_axil_wstrb_o,
  input  logic                m_axil_bvalid_i,
  output logic                m_axil_bready_o,
  input  logic [1:0]          m_axil_bresp_i,
  output logic                m_axil_arvalid_o,
  input  logic                m_axil_arready_i,
  output logic [11:0]         m_axil_araddr_o,
  input  logic                m_axil_rvalid_i,
  output logic                m_axil_rready_o,
  input  logic [31:0]         m_axil_rdata_i,
  input  logic [1:0]          m_axil_rresp_i,

  input  logic                chip_arvalid_i,
  output logic                chip_arready_o,
  input  logic [AddrBits-1:0] chip_araddr_i,
  input  logic                chip_awvalid_i,
  output logic                chip_awready_o,
  input  logic [AddrBits-1:0] chip_awaddr_i,
  output logic                mem_arvalid_o,
  input  logic                mem_arready_i,
  output logic [AddrBits-1:0] mem_araddr_o,
  output logic                mem_awvalid_o,
  input  logic                mem_awready_i,
  output logic [AddrBits-1:0] mem_awaddr_o
);
  localparam logic [12:0] BaseAddr  = 13'h1000;
  localparam logic [12:0] SizeAddr  = 13'h1004;
  localparam logic [1:0]  RespOkay  = 2'b00;
  localparam logic [1:0]  RespSlave = 2'b10;

  logic [AddrBits-21:0] base_q, mask_q;   // in MiB
  logic                 enabled_q;

  // Memory.
  assign mem_arvalid_o  = chip_arvalid_i && enabled_q;
  assign chip_arready_o = mem_arready_i && enabled_q;
  assign mem_araddr_o   = {base_q + (chip_araddr_i[AddrBits-1:20] & mask_q), chip_araddr_i[19:0]};
  assign mem_awvalid_o  = chip_awvalid_i && enabled_q;
  assign chip_awready_o = mem_awready_i && enabled_q;
  assign mem_awaddr_o   = {base_q + (chip_awaddr_i[AddrBits-1:20] & mask_q), chip_awaddr_i[19:0]};

  // Writes of registers: address and data are taken together.
  typedef enum logic [1:0] {StIdle, StForward, StWait, StReply} state_e;
  state_e write_q, read_q;
  logic   take_write, take_read, write_here, write_known;

  assign take_write       = write_q == StIdle && s_axil_awvalid_i && s_axil_wvalid_i;
  assign s_axil_awready_o = take_write;
  assign s_axil_wready_o  = take_write;
  assign s_axil_bvalid_o  = write_q == StReply;
  assign m_axil_bready_o  = write_q == StWait;
  assign write_here       = take_write && s_axil_awaddr_i[12];
  assign write_known      = (s_axil_awaddr_i == BaseAddr || s_axil_awaddr_i == SizeAddr) &&
                            s_axil_wstrb_i == 4'b1111;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q          <= StIdle;
      m_axil_awvalid_o <= 1'b0;
      m_axil_wvalid_o  <= 1'b0;
      enabled_q        <= 1'b0;
    end else begin
      case (write_q)
        StIdle: if (take_write) begin
          write_q          <= write_here ? StReply : StForward;
          m_axil_awvalid_o <= !write_here;
          m_axil_wvalid_o  <= !write_here;
        end
        StForward: begin
          if (m_axil_awready_i) m_axil_awvalid_o <= 1'b0;
          if (m_axil_wready_i)  m_axil_wvalid_o  <= 1'b0;
          if ((!m_axil_awvalid_o || m_axil_awready_i) && (!m_axil_wvalid_o || m_axil_wready_i)) begin
            write_q <= StWait;
          end
        end
        StWait:  if (m_axil_bvalid_i) write_q <= StReply;
        default: if (s_axil_bready_i) write_q <= StIdle;
      endcase
      if (write_here && write_known && s_axil_awaddr_i == SizeAddr) enabled_q <= s_axil_wdata_i[31];
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_write) begin
      m_axil_awaddr_o <= s_axil_awaddr_i[11:0];
      m_axil_wdata_o  <= s_axil_wdata_i;
      m_axil_wstrb_o  <= s_axil_wstrb_i;
      s_axil_bresp_o  <= write_known ? RespOkay : RespSlave;
    end else if (write_q == StWait) begin
      s_axil_bresp_o <= m_axil_bresp_i;
    end
    if (write_here && write_known) begin
      if (s_axil_awaddr_i == BaseAddr) base_q <= s_axil_wdata_i[AddrBits-21:0];
      else                             mask_q <= s_axil_wdata_i[AddrBits-21:0];
    end
  end

  // Reads.
  assign take_read        = read_q == StIdle && s_axil_arvalid_i;
  assign s_axil_arready_o = read_q == StIdle;
  assign s_axil_rvalid_o  = read_q == StReply;
  assign m_axil_arvalid_o = read_q == StForward;
  assign m_axil_rready_o  = read_q == StWait;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      read_q <= StIdle;
    end else begin
      case (read_q)
        StIdle:    if (take_read) read_q <= s_axil_araddr_i[12] ? StReply : StForward;
        StForward: if (m_axil_arready_i) read_q <= StWait;
        StWait:    if (m_axil_rvalid_i) read_q <= StReply;
        default:   if (s_axil_rready_i) read_q <= StIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_read) begin
      m_axil_araddr_o <= s_axil_araddr_i[11:0];
      case (s_axil_araddr_i)
        BaseAddr: {s_axil_rresp_o, s_axil_rdata_o} <= {RespOkay, 32'(base_q)};
        SizeAddr: {s_axil_rresp_o, s_axil_rdata_o} <= {RespOkay, enabled_q, 31'(mask_q)};
        default:  {s_axil_rresp_o, s_axil_rdata_o} <= {RespSlave, 32'd0};
      endcase
    end else if (read_q == StWait) begin
      {s_axil_rresp_o, s_axil_rdata_o} <= {m_axil_rresp_i, m_axil_rdata_i};
    end
  end
endmodule
