/// The register file behind the AXI4-Lite port; offsets and fields are those of tern_pkg.
///
/// Reads of unlisted offsets give 0, writes to them are ignored. Registers are written as whole
/// words: a write with fewer than four strobes changes nothing and is answered with SLVERR. A write
/// response or read datum follows its request by one cycle. Only the bus interface itself is reset
/// by `rst_ni` alone; all that a program can see is cleared by `core_rst_ni` too, which follows a
/// soft reset. A write to the doorbell pulses `cmd_valid_o` with the command words; it is refused,
/// and QUEUE_OVERFLOW set, while `cmd_ready_i` is low.
module control_registers #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned ActColumns  = 8,
  parameter int unsigned AccDepth    = 52,
  parameter int unsigned ActDepth    = 256,
  parameter int unsigned CmdDepth    = 8,
  parameter int unsigned IllegalBits = 7
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   core_rst_ni,

  input  logic                   awvalid_i,
  output logic                   awready_o,
  input  logic [11:0]            awaddr_i,
  input  logic                   wvalid_i,
  output logic                   wready_o,
  input  logic [31:0]            wdata_i,
  input  logic [ 3:0]            wstrb_i,
  output logic                   bvalid_o,
  input  logic                   bready_i,
  output logic [ 1:0]            bresp_o,
  input  logic                   arvalid_i,
  output logic                   arready_o,
  input  logic [11:0]            araddr_i,
  output logic                   rvalid_o,
  input  logic                   rready_i,
  output logic [31:0]            rdata_o,
  output logic [ 1:0]            rresp_o,
  output logic                   irq_o,

  output logic                   soft_reset_o,
  output logic                   cmd_valid_o,
  input  logic                   cmd_ready_i,
  output tern_pkg::cmd_t         cmd_o,
  input  logic [7:0]             cmd_space_i,

  input  logic                   busy_i,
  input  logic                   done_i,
  input  logic                   bus_read_error_i,
  input  logic                   bus_write_error_i,
  input  logic                   bad_command_i,
  input  logic                   beat_i,
  input  logic                   load_beat_i,
  input  logic                   result_beat_i,
  input  logic                   stall_read_i,
  input  logic                   stall_drain_i,
  input  logic [IllegalBits-1:0] illegal_i
);
  localparam logic [31:0] Config =
      (32'(Columns) << tern_pkg::RegConfigColumnsLsb) |
      (32'(ActColumns) << tern_pkg::RegConfigActColumnsLsb) |
      (32'(AccDepth) << tern_pkg::RegConfigAccDepthLsb);
  localparam logic [31:0] Config2 =
      (32'(ActDepth) << tern_pkg::RegConfig2ActDepthLsb) |
      (32'(CmdDepth) << tern_pkg::RegConfig2CmdDepthLsb);
  localparam int unsigned Words = tern_pkg::CommandWords;

  // Write channel: address and data are taken together.
  logic        write, write_ok, write_whole;
  logic        bvalid_q, berror_q;
  assign write       = awvalid_i && wvalid_i && !bvalid_q;
  assign write_whole = wstrb_i == '1;
  assign write_ok    = write && write_whole;
  assign awready_o   = write;
  assign wready_o    = write;
  assign bvalid_o    = bvalid_q;
  assign bresp_o     = {berror_q, 1'b0};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bvalid_q <= 1'b0;
      berror_q <= 1'b0;
    end else if (write) begin
      bvalid_q <= 1'b1;
      berror_q <= !write_whole;
    end else if (bready_i) begin
      bvalid_q <= 1'b0;
    end
  end

  // Single-cycle actions.
  logic ring;
  assign ring = write_ok && awaddr_i == tern_pkg::RegDoorbell &&
                wdata_i[tern_pkg::RegDoorbellRingLsb];
  assign cmd_valid_o  = ring && cmd_ready_i;
  assign soft_reset_o = write_ok && awaddr_i == tern_pkg::RegCtrl &&
                        wdata_i[tern_pkg::RegCtrlSoftResetLsb];

  // Writable state.
  logic [32*Words-1:0] cmd_q;
  logic [31:0]         irq_ack_q, done_q, error_d, error_q;
  logic                irq_q;

  always_comb begin
    error_d = error_q;
    if (write_ok && awaddr_i == tern_pkg::RegError) error_d = error_q & ~wdata_i;
    if (bus_read_error_i)    error_d[tern_pkg::RegErrorBusReadLsb] = 1'b1;
    if (bus_write_error_i)   error_d[tern_pkg::RegErrorBusWriteLsb] = 1'b1;
    if (illegal_i != '0)     error_d[tern_pkg::RegErrorIllegalCodeLsb] = 1'b1;
    if (bad_command_i)       error_d[tern_pkg::RegErrorBadCommandLsb] = 1'b1;
    if (ring && !cmd_ready_i) error_d[tern_pkg::RegErrorQueueOverflowLsb] = 1'b1;
  end

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      irq_ack_q <= '0;
      done_q    <= '0;
      error_q   <= '0;
      irq_q     <= 1'b0;
    end else begin
      if (write_ok && awaddr_i == tern_pkg::RegIrqAck) irq_ack_q <= wdata_i;
      done_q  <= done_q + 32'(done_i);
      error_q <= error_d;
      irq_q   <= done_q != irq_ack_q || error_q != '0;
    end
  end
  assign irq_o = irq_q;

  for (genvar i = 0; i < Words; i++) begin : gen_cmd
    always_ff @(posedge clk_i or negedge core_rst_ni) begin
      if (!core_rst_ni) begin
        cmd_q[32*i +: 32] <= '0;
      end else if (write_ok && awaddr_i == tern_pkg::RegCmd + 12'(4 * i)) begin
        cmd_q[32*i +: 32] <= wdata_i;
      end
    end
  end
  assign cmd_o = cmd_q;

  logic [63:0] cycles;
  logic [31:0] busy_cycles, beats, load_beats, result_beats, stall_read, stall_drain, illegal;
  event_counters #(.IllegalBits(IllegalBits)) u_counters (
    .clk_i,
    .rst_ni         (core_rst_ni),
    .busy_i,
    .beat_i,
    .load_beat_i,
    .result_beat_i,
    .stall_read_i,
    .stall_drain_i,
    .illegal_i,
    .cycles_o       (cycles),
    .busy_cycles_o  (busy_cycles),
    .beats_o        (beats),
    .load_beats_o   (load_beats),
    .result_beats_o (result_beats),
    .stall_read_o   (stall_read),
    .stall_drain_o  (stall_drain),
    .illegal_o      (illegal)
  );

  // Read channel.
  logic        read, rvalid_q;
  logic [31:0] rdata_d, rdata_q, cycles_hi_q, status;
  assign read      = arvalid_i && !rvalid_q;
  assign arready_o = !rvalid_q;
  assign rvalid_o  = rvalid_q;
  assign rdata_o   = rdata_q;
  assign rresp_o   = 2'b00;
  assign status    = (32'(busy_i) << tern_pkg::RegStatusBusyLsb) |
                     (32'(error_q != '0) << tern_pkg::RegStatusErrorLsb) |
                     (32'(cmd_space_i) << tern_pkg::RegStatusCmdSpaceLsb);

  always_comb begin
    case (araddr_i)
      tern_pkg::RegId:          rdata_d = tern_pkg::RegIdReset;
      tern_pkg::RegVersion:     rdata_d = tern_pkg::RegVersionReset;
      tern_pkg::RegConfig:      rdata_d = Config;
      tern_pkg::RegConfig2:     rdata_d = Config2;
      tern_pkg::RegStatus:      rdata_d = status;
      tern_pkg::RegError:       rdata_d = error_q;
      tern_pkg::RegDone:        rdata_d = done_q;
      tern_pkg::RegIrqAck:      rdata_d = irq_ack_q;
      tern_pkg::RegCyclesLo:    rdata_d = cycles[31:0];
      tern_pkg::RegCyclesHi:    rdata_d = cycles_hi_q;
      tern_pkg::RegBusyCycles:  rdata_d = busy_cycles;
      tern_pkg::RegBeats:       rdata_d = beats;
      tern_pkg::RegLoadBeats:   rdata_d = load_beats;
      tern_pkg::RegResultBeats: rdata_d = result_beats;
      tern_pkg::RegStallRead:   rdata_d = stall_read;
      tern_pkg::RegStallDrain:  rdata_d = stall_drain;
      tern_pkg::RegIllegal:     rdata_d = illegal;
      default:                  rdata_d = '0;
    endcase
    for (int unsigned i = 0; i < Words; i++) begin
      if (araddr_i == tern_pkg::RegCmd + 12'(4 * i)) rdata_d = cmd_q[32*i +: 32];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rvalid_q <= 1'b0;
      rdata_q  <= '0;
    end else if (read) begin
      rvalid_q <= 1'b1;
      rdata_q  <= rdata_d;
    end else if (rready_i) begin
      rvalid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i or negedge core_rst_ni) begin
    if (!core_rst_ni) begin
      cycles_hi_q <= '0;
    end else if (read && araddr_i == tern_pkg::RegCyclesLo) begin
      cycles_hi_q <= cycles[63:32];
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
  handshake_checker #(.Width(32)) u_check_r (
    .clk_i,
    .rst_ni,
    .valid_i   (rvalid_o),
    .ready_i   (rready_i),
    .data_i    (rdata_o)
  );
`endif
endmodule
