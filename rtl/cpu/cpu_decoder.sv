// SPDX-License-Identifier: Apache-2.0
/// Decodes an instruction word of RV32IM, combinationally and completely: every word that is not a
/// legal instruction of the core gives `illegal`, with no other flag unless Unmasked.
///
/// FENCE does nothing: memory accesses are in order. Of the system instructions, ECALL, EBREAK and
/// reads of mcycle, minstret, cycle and instret and of their high halves are legal; `csr_*` name
/// the counter. All that would write a control register is illegal.
module cpu_decoder #(
  parameter bit Unmasked = 1'b0
) (
  input  logic [31:0]       insn_i,
  output cpu_pkg::decoded_t decoded_o,
  output logic              csr_instret_o,
  output logic              csr_high_o
);
  localparam logic [6:0] OpLoad     = 7'b0000011;
  localparam logic [6:0] OpMiscMem  = 7'b0001111;
  localparam logic [6:0] OpImm      = 7'b0010011;
  localparam logic [6:0] OpAuipc    = 7'b0010111;
  localparam logic [6:0] OpStore    = 7'b0100011;
  localparam logic [6:0] OpReg      = 7'b0110011;
  localparam logic [6:0] OpLui      = 7'b0110111;
  localparam logic [6:0] OpBranch   = 7'b1100011;
  localparam logic [6:0] OpJalr     = 7'b1100111;
  localparam logic [6:0] OpJal      = 7'b1101111;
  localparam logic [6:0] OpSystem   = 7'b1110011;

  localparam logic [6:0] Funct7Base = 7'b0000000;
  localparam logic [6:0] Funct7Alt  = 7'b0100000;
  localparam logic [6:0] Funct7Mul  = 7'b0000001;

  logic [2:0]  funct3;
  logic [6:0]  funct7;
  logic [31:0] imm_i, imm_s, imm_b, imm_u, imm_j;
  logic        csr_counter;
  cpu_pkg::decoded_t decoded;

  assign funct3 = insn_i[14:12];
  assign funct7 = insn_i[31:25];
  assign imm_i  = {{21{insn_i[31]}}, insn_i[30:20]};
  assign imm_s  = {{21{insn_i[31]}}, insn_i[30:25], insn_i[11:7]};
  assign imm_b  = {{20{insn_i[31]}}, insn_i[7], insn_i[30:25], insn_i[11:8], 1'b0};
  assign imm_u  = {insn_i[31:12], 12'b0};
  assign imm_j  = {{12{insn_i[31]}}, insn_i[19:12], insn_i[20], insn_i[30:21], 1'b0};

  // 0xB00 mcycle, 0xB02 minstret, 0xB80, 0xB82 their high halves; 0xC.. the user's names of them.
  assign csr_counter   = (insn_i[31:28] == 4'hb || insn_i[31:28] == 4'hc) &&
                         insn_i[26:22] == 5'd0 && !insn_i[20];
  assign csr_instret_o = insn_i[21];
  assign csr_high_o    = insn_i[27];

  // The operation of register and immediate forms: bit 30 tells SUB from ADD and SRA from SRL.
  function automatic cpu_pkg::alu_op_e alu_op(input logic [2:0] kind, input logic alternative);
    unique case (kind)
      3'b000:  alu_op = alternative ? cpu_pkg::AluSub : cpu_pkg::AluAdd;
      3'b001:  alu_op = cpu_pkg::AluSll;
      3'b010:  alu_op = cpu_pkg::AluSlt;
      3'b011:  alu_op = cpu_pkg::AluSltu;
      3'b100:  alu_op = cpu_pkg::AluXor;
      3'b101:  alu_op = alternative ? cpu_pkg::AluSra : cpu_pkg::AluSrl;
      3'b110:  alu_op = cpu_pkg::AluOr;
      default: alu_op = cpu_pkg::AluAnd;
    endcase
  endfunction

  always_comb begin
    decoded           = '0;
    decoded.alu_op    = cpu_pkg::AluAdd;
    decoded.result    = cpu_pkg::ResultAlu;
    decoded.immediate = imm_i;

    case (insn_i[6:0])
      OpLui: begin
        decoded.writes_rd = 1'b1;
        decoded.result    = cpu_pkg::ResultImmediate;
        decoded.immediate = imm_u;
      end
      OpAuipc: begin
        decoded.writes_rd = 1'b1;
        decoded.result    = cpu_pkg::ResultSum;
        decoded.immediate = imm_u;
      end
      OpJal: begin
        decoded.jump      = 1'b1;
        decoded.writes_rd = 1'b1;
        decoded.result    = cpu_pkg::ResultLink;
        decoded.immediate = imm_j;
      end
      OpJalr: begin
        decoded.illegal   = funct3 != 3'b000;
        decoded.jump      = 1'b1;
        decoded.reads_rs1 = 1'b1;
        decoded.sum_rs1   = 1'b1;
        decoded.writes_rd = 1'b1;
        decoded.result    = cpu_pkg::ResultLink;
      end
      OpBranch: begin
        decoded.illegal   = funct3[2:1] == 2'b01;
        decoded.branch    = 1'b1;
        decoded.reads_rs1 = 1'b1;
        decoded.reads_rs2 = 1'b1;
        decoded.alu_op    = funct3[1] ? cpu_pkg::AluSltu : cpu_pkg::AluSlt;
        decoded.immediate = imm_b;
      end
      OpLoad: begin
        decoded.illegal   = funct3 == 3'b011 || funct3[2:1] == 2'b11;
        decoded.load      = 1'b1;
        decoded.reads_rs1 = 1'b1;
        decoded.sum_rs1   = 1'b1;
        decoded.writes_rd = 1'b1;
        decoded.result    = cpu_pkg::ResultLoad;
      end
      OpStore: begin
        decoded.illegal   = funct3[2] || funct3 == 3'b011;
        decoded.store     = 1'b1;
        decoded.reads_rs1 = 1'b1;
        decoded.reads_rs2 = 1'b1;
        decoded.sum_rs1   = 1'b1;
        decoded.immediate = imm_s;
      end
      OpImm: begin
        decoded.illegal   = (funct3 == 3'b001 && funct7 != Funct7Base) ||
                            (funct3 == 3'b101 && funct7 != Funct7Base && funct7 != Funct7Alt);
        decoded.reads_rs1     = 1'b1;
        decoded.writes_rd     = 1'b1;
        decoded.alu_immediate = 1'b1;
        decoded.alu_op        = alu_op(funct3, funct3 == 3'b101 && insn_i[30]);
      end
      OpReg: begin
        decoded.illegal   = !(funct7 == Funct7Base || funct7 == Funct7Mul ||
                              (funct7 == Funct7Alt && (funct3 == 3'b000 || funct3 == 3'b101)));
        decoded.reads_rs1 = 1'b1;
        decoded.reads_rs2 = 1'b1;
        decoded.writes_rd = 1'b1;
        decoded.alu_op    = alu_op(funct3, insn_i[30]);
        decoded.multiply  = funct7[0] && !funct3[2];
        decoded.divide    = funct7[0] && funct3[2];
        if (funct7[0]) decoded.result = funct3[2] ? cpu_pkg::ResultDiv : cpu_pkg::ResultMul;
      end
      OpMiscMem: decoded.illegal = funct3 != 3'b000;
      OpSystem: begin
        decoded.environment_call = insn_i[31:7] == 25'h0000000;
        decoded.breakpoint       = insn_i[31:7] == 25'h0002000;
        if (funct3[1] && insn_i[19:15] == 5'd0 && csr_counter) begin
          // CSRRS and CSRRC of no bits: reads.
          decoded.writes_rd = 1'b1;
          decoded.result    = cpu_pkg::ResultCounter;
        end else begin
          decoded.illegal = !decoded.environment_call && !decoded.breakpoint;
        end
      end
      default: decoded.illegal = 1'b1;
    endcase
  end

  always_comb begin
    decoded_o = decoded;
    if (decoded.illegal && !Unmasked) begin
      decoded_o         = '0;
      decoded_o.illegal = 1'b1;
      decoded_o.alu_op  = cpu_pkg::AluAdd;
      decoded_o.result  = cpu_pkg::ResultAlu;
    end
  end
endmodule
