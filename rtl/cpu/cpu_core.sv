// SPDX-License-Identifier: Apache-2.0
/// An in-order RV32IM core, machine mode only, without interrupts: the chip's controller.
///
/// Three stages: fetch (cpu_fetch), execute, write back. A taken branch or jump costs 2 cycles, a
/// load whose value the next instruction needs 2, a multiplication 3, a division 34, a device
/// access 2 and the device's wait; everything else 1.
///
/// With SmallFabric, the longest paths are cut: instructions wait in registers (cpu_fetch_queue), the
/// address of an access goes through one, and so do requests to devices and their answers
/// (cpu_mmio_port). A taken branch costs 3 cycles then, a load or store 2 (3 if the next instruction
/// needs the value), an access of a device 4 and the device's wait.
///
/// `run_i` low holds the core before BootPc; when it rises the core starts there, as soon as a
/// device access that it may have left behind is over. An instruction that cannot be executed,
/// ECALL and EBREAK stop it: earlier instructions complete, this one changes nothing, `trap_o`
/// rises and stays until `run_i` falls, and `trap_info_o` says where and why. There is no trap
/// handler. Nothing is fetched and no data memory is accessed unless `running_o`.
///
/// The memories are separate: instructions on `fetch_*`, whose memory answers in the next cycle and
/// holds its answer while `fetch_o` is low; data on `ram_*`, which answers in the next cycle and is
/// always ready (a zero strobe reads); device registers on `mmio_*`, see cpu_mmio_port. For a
/// device read the strobe tells which bytes are wanted. An access outside of the windows traps, and
/// so does one that a device answers with `mmio_error_i`. Window sizes are powers of two and divide
/// their bases.
///
/// `retire_o` shows each instruction that leaves the pipeline, if Trace is set; it is zero if not.
module cpu_core #(
  parameter logic [31:0] InstrBase  = 32'h0000_0000,
  parameter int unsigned InstrBytes = 32768,
  parameter logic [31:0] DataBase   = 32'h1000_0000,
  parameter int unsigned DataBytes  = 32768,
  parameter logic [31:0] MmioBase   = 32'h8000_0000,
  parameter int unsigned MmioBytes  = 32'h8000_0000,
  parameter logic [31:0] BootPc     = InstrBase,
  parameter bit          Trace      = 1'b0,
  parameter bit          SmallFabric = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             run_i,
  output logic             running_o,
  output logic             trap_o,
  output cpu_pkg::trap_t   trap_info_o,

  output logic             fetch_o,
  output logic [31:0]      fetch_addr_o,
  input  logic [31:0]      fetch_data_i,

  output logic             ram_valid_o,
  output logic [31:0]      ram_addr_o,
  output logic [3:0]       ram_strobe_o,
  output logic [31:0]      ram_data_o,
  input  logic [31:0]      ram_data_i,

  output logic             mmio_valid_o,
  input  logic             mmio_ready_i,
  output logic             mmio_write_o,
  output logic [31:0]      mmio_addr_o,
  output logic [3:0]       mmio_strobe_o,
  output logic [31:0]      mmio_data_o,
  input  logic [31:0]      mmio_data_i,
  input  logic             mmio_error_i,

  output cpu_pkg::retire_t retire_o
);
  // Execute.
  logic              x_valid, x_fault, x_ready, x_active, x_wait, x_done, x_trap;
  logic [31:0]       x_pc, x_next_pc, insn;
  cpu_pkg::decoded_t decoded, fetched;
  logic              csr_instret, csr_high, fetched_instret, fetched_high;
  logic [31:0]       rs1_file, rs2_file, rs1, rs2, alu_b, alu_result, sum, target, result;
  logic [31:0]       mul_result, div_result, counter, store_data, addr;
  logic              equal, less, taken, access, placed, misaligned, to_ram, to_mmio, load_use;
  logic              mul_valid, mul_done, div_valid, div_done, mmio_start, mmio_done, mmio_busy;
  logic              mmio_error;
  logic [31:0]       mmio_data;
  logic              exception, running, hit_rs1, hit_rs2;
  logic [3:0]        strobe;
  cpu_pkg::trap_t    trap;
  // Write back.
  logic              w_valid_q, w_load_q, w_mmio_q;
  logic [4:0]        w_rd_q;
  logic [2:0]        w_funct3_q;
  logic [1:0]        w_offset_q;
  logic [31:0]       w_result_q, w_load_data, w_rd_data;

  if (SmallFabric) begin : gen_fetch_queue
    // An instruction arrives with what it reads of the result of the one before it, which is in write
    // back, if anything is, when it executes: a taken branch leaves write back empty.
    logic       arrives, same_rs1, same_rs2;
    logic [4:0] before_q;
    always_ff @(posedge clk_i) begin
      if (arrives) before_q <= fetched.writes_rd ? fetch_data_i[11:7] : 5'd0;
    end
    assign hit_rs1 = w_valid_q && same_rs1;
    assign hit_rs2 = w_valid_q && same_rs2;

    cpu_fetch_queue #(
      .WordBits(cpu_pkg::DecodedBits + 36), .InstrBase(InstrBase), .InstrBytes(InstrBytes),
      .BootPc(BootPc)
    ) u_fetch (
      .clk_i, .rst_ni,
      .run_i      (running),
      .next_i     (x_ready),
      .redirect_i (x_done && taken),
      .target_i   (target),
      .valid_o    (x_valid),
      .word_o     ({decoded, csr_instret, csr_high, insn, same_rs1, same_rs2}),
      .pc_o       (x_pc),
      .next_pc_o  (x_next_pc),
      .fault_o    (x_fault),
      .fetch_o, .fetch_addr_o,
      .arrives_o  (arrives),
      .word_i     ({fetched, fetched_instret, fetched_high, fetch_data_i,
                    before_q != 5'd0 && before_q == fetch_data_i[19:15],
                    before_q != 5'd0 && before_q == fetch_data_i[24:20]})
    );
  end else begin : gen_fetch
    cpu_fetch #(.InstrBase(InstrBase), .InstrBytes(InstrBytes), .BootPc(BootPc)) u_fetch (
      .clk_i, .rst_ni,
      .run_i      (running && !x_trap),
      .next_i     (x_ready),
      .redirect_i (x_done && taken),
      .target_i   (target),
      .valid_o    (x_valid),
      .pc_o       (x_pc),
      .next_pc_o  (x_next_pc),
      .fault_o    (x_fault),
      .fetch_o, .fetch_addr_o
    );
    assign {decoded, csr_instret, csr_high, insn} =
        {fetched, fetched_instret, fetched_high, fetch_data_i};
    assign hit_rs1 = w_valid_q && w_rd_q != 5'd0 && w_rd_q == insn[19:15];
    assign hit_rs2 = w_valid_q && w_rd_q != 5'd0 && w_rd_q == insn[24:20];
  end

  cpu_decoder #(.Unmasked(SmallFabric)) u_decoder (
    .insn_i        (fetch_data_i),
    .decoded_o     (fetched),
    .csr_instret_o (fetched_instret),
    .csr_high_o    (fetched_high)
  );

  cpu_registers u_registers (
    .clk_i,
    .rs1_i      (insn[19:15]),
    .rs1_data_o (rs1_file),
    .rs2_i      (insn[24:20]),
    .rs2_data_o (rs2_file),
    .write_i    (w_valid_q && w_rd_q != 5'd0),
    .rd_i       (w_rd_q),
    .rd_data_i  (w_rd_data)
  );

  // The instruction in write back forwards its result, unless it is a load: that is waited for.
  assign rs1      = hit_rs1 ? w_result_q : rs1_file;
  assign rs2      = hit_rs2 ? w_result_q : rs2_file;
  assign load_use = w_load_q && ((hit_rs1 && decoded.reads_rs1) || (hit_rs2 && decoded.reads_rs2));

  cpu_alu u_alu (
    .op_i     (decoded.alu_op),
    .a_i      (rs1),
    .b_i      (alu_b),
    .result_o (alu_result),
    .equal_o  (equal),
    .less_o   (less)
  );
  assign alu_b  = decoded.alu_immediate ? decoded.immediate : rs2;
  assign sum    = (decoded.sum_rs1 ? rs1 : x_pc) + decoded.immediate;
  assign target = {sum[31:1], 1'b0};
  // funct3[2]: less rather than equal; funct3[0]: the opposite.
  assign taken  = decoded.jump || (decoded.branch && ((insn[14] ? less : equal) != insn[12]));
  assign access = decoded.load || decoded.store;

  cpu_load_store #(
    .DataBase(DataBase), .DataBytes(DataBytes), .MmioBase(MmioBase), .MmioBytes(MmioBytes)
  ) u_load_store (
    .addr_x_i       (addr),
    .size_x_i       (insn[13:12]),
    .store_x_i      (rs2),
    .misaligned_x_o (misaligned),
    .to_ram_x_o     (to_ram),
    .to_mmio_x_o    (to_mmio),
    .strobe_x_o     (strobe),
    .store_x_o      (store_data),
    .offset_w_i     (w_offset_q),
    .funct3_w_i     (w_funct3_q),
    .word_w_i       (w_mmio_q ? w_result_q : ram_data_i),
    .load_w_o       (w_load_data)
  );

  // The address of an access: it is placed when memory and devices can see it.
  if (SmallFabric) begin : gen_addr
    logic        placed_q;
    logic [31:0] addr_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) placed_q <= 1'b0;
      else         placed_q <= x_active && access && !x_done && !x_trap;
    end
    always_ff @(posedge clk_i) addr_q <= sum;
    assign placed = placed_q;
    assign addr   = addr_q;
  end else begin : gen_direct_addr
    assign placed = 1'b1;
    assign addr   = sum;
  end

  // An instruction is active once its operands are there; it leaves when nothing is waited for.
  assign x_active   = running && x_valid && !x_fault && !load_use && !decoded.illegal;
  assign mul_valid  = x_active && decoded.multiply;
  assign div_valid  = x_active && decoded.divide;
  assign mmio_start = x_active && access && placed && to_mmio;
  assign x_wait     = (decoded.multiply && !mul_done) || (decoded.divide && !div_done) ||
                      (access && (!placed || (to_mmio && !mmio_done)));
  assign x_done     = x_active && !x_wait && !exception;
  assign x_ready    = !x_valid || x_done;

  cpu_multiplier u_multiplier (
    .clk_i, .rst_ni,
    .valid_i  (mul_valid),
    .funct3_i (insn[13:12]),
    .a_i      (rs1),
    .b_i      (rs2),
    .done_o   (mul_done),
    .result_o (mul_result)
  );

  cpu_divider u_divider (
    .clk_i, .rst_ni,
    .valid_i  (div_valid),
    .funct3_i (insn[13:12]),
    .a_i      (rs1),
    .b_i      (rs2),
    .done_o   (div_done),
    .result_o (div_result)
  );

  cpu_counters u_counters (
    .clk_i, .rst_ni,
    .clear_i   (!running && !trap_o),
    .retire_i  (x_done),
    .instret_i (csr_instret),
    .high_i    (csr_high),
    .data_o    (counter)
  );

  assign ram_valid_o  = x_active && access && placed && to_ram;
  assign ram_addr_o   = addr;
  assign ram_strobe_o = decoded.store ? strobe : 4'b0000;
  assign ram_data_o   = store_data;

  cpu_mmio_port #(.Registered(SmallFabric)) u_mmio (
    .clk_i, .rst_ni,
    .start_i  (mmio_start),
    .write_i  (decoded.store),
    .addr_i   (addr),
    .strobe_i (strobe),
    .data_i   (store_data),
    .done_o   (mmio_done),
    .error_o  (mmio_error),
    .data_o   (mmio_data),
    .busy_o   (mmio_busy),
    .mmio_valid_o, .mmio_ready_i, .mmio_error_i, .mmio_data_i,
    .mmio_write_o, .mmio_addr_o, .mmio_strobe_o, .mmio_data_o
  );

  cpu_traps u_traps (
    .clk_i, .rst_ni, .run_i,
    .mmio_busy_i   (mmio_busy),
    .valid_i       (x_valid),
    .ready_i       (!load_use),
    .decoded_i     (decoded),
    .insn_i        (insn),
    .pc_i          (x_pc),
    .fetch_fault_i (x_fault),
    .taken_i       (taken),
    .target_i      (target),
    .addr_i        (addr),
    .misaligned_i  (placed && misaligned),
    .mapped_i      (!placed || to_ram || to_mmio),
    .mmio_failed_i (to_mmio && mmio_done && mmio_error),
    .exception_o   (exception),
    .trapping_o    (x_trap),
    .trap_now_o    (trap),
    .running_o     (running),
    .trap_o, .trap_info_o
  );
  assign running_o = running;

  always_comb begin
    case (decoded.result)
      cpu_pkg::ResultImmediate: result = decoded.immediate;
      cpu_pkg::ResultSum:       result = sum;
      cpu_pkg::ResultLink:      result = x_next_pc;
      cpu_pkg::ResultMul:       result = mul_result;
      cpu_pkg::ResultDiv:       result = div_result;
      cpu_pkg::ResultCounter:   result = counter;
      cpu_pkg::ResultLoad:      result = mmio_data;
      default:                  result = alu_result;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      w_valid_q <= 1'b0;
      w_load_q  <= 1'b0;
    end else begin
      w_valid_q <= x_done;
      w_load_q  <= x_done && decoded.load;
    end
  end

  always_ff @(posedge clk_i) begin
    if (x_done) begin
      w_rd_q     <= decoded.writes_rd ? insn[11:7] : 5'd0;
      w_result_q <= result;
      w_mmio_q   <= to_mmio;
      w_funct3_q <= insn[14:12];
      w_offset_q <= addr[1:0];
    end
  end

  assign w_rd_data = w_load_q ? w_load_data : w_result_q;

  cpu_retire_trace #(.Trace(Trace)) u_trace (
    .clk_i, .rst_ni,
    .done_i       (x_done),
    .trap_i       (x_trap),
    .info_i       (trap),
    .insn_i       (x_fault ? 32'd0 : insn),
    .load_i       (decoded.load && !decoded.illegal),
    .store_i      (decoded.store && !decoded.illegal),
    .addr_i       (addr),
    .strobe_i     (strobe),
    .write_data_i (store_data),
    .rd_i         (w_rd_q),
    .rd_data_i    (w_rd_data),
    .retire_o
  );

`ifndef SYNTHESIS
  initial begin
    if (((InstrBytes & (InstrBytes - 1)) | (DataBytes & (DataBytes - 1)) |
         (MmioBytes & (MmioBytes - 1))) != 0) begin
      $fatal(1, "cpu_core: the sizes of the windows must be powers of two");
    end
    if (((InstrBase & (InstrBytes - 1)) | (DataBase & (DataBytes - 1)) |
         (MmioBase & (MmioBytes - 1))) != 0) begin
      $fatal(1, "cpu_core: the bases of the windows must be multiples of their sizes");
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertOneMemory: assert (!(ram_valid_o && mmio_start)) else $error("the windows overlap");
      AssertDoneOrTrap: assert (!(x_done && x_trap));
      AssertStopped: assert (!(trap_o && (ram_valid_o || mmio_start || fetch_o)));
    end
  end
`endif
endmodule
