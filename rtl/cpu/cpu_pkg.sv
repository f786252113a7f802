// SPDX-License-Identifier: Apache-2.0
/// Types that the parts of the controller core exchange.
package cpu_pkg;

  // What the arithmetic unit does: the encoding is {instruction bit 30, funct3} where that matters.
  typedef enum logic [3:0] {
    AluAdd  = 4'b0000,
    AluSub  = 4'b1000,
    AluSll  = 4'b0001,
    AluSlt  = 4'b0010,
    AluSltu = 4'b0011,
    AluXor  = 4'b0100,
    AluSrl  = 4'b0101,
    AluSra  = 4'b1101,
    AluOr   = 4'b0110,
    AluAnd  = 4'b0111
  } alu_op_e;

  // Where the value of rd comes from. ResultLoad: from the memory, a stage later than the others.
  typedef enum logic [2:0] {
    ResultAlu,
    ResultImmediate,
    ResultSum,
    ResultLink,
    ResultMul,
    ResultDiv,
    ResultCounter,
    ResultLoad
  } result_e;

  // Why the core stopped: the codes of mcause.
  typedef enum logic [3:0] {
    CauseFetchMisaligned = 4'd0,
    CauseFetchFault      = 4'd1,
    CauseIllegal         = 4'd2,
    CauseBreakpoint      = 4'd3,
    CauseLoadMisaligned  = 4'd4,
    CauseLoadFault       = 4'd5,
    CauseStoreMisaligned = 4'd6,
    CauseStoreFault      = 4'd7,
    CauseEnvironmentCall = 4'd11
  } cause_e;

  // A decoded instruction. All of the flags below `illegal` are zero if it is set.
  typedef struct packed {
    logic        illegal;
    logic        environment_call;
    logic        breakpoint;
    logic        jump;            // always redirects
    logic        branch;          // redirects if the comparison of funct3 holds
    logic        load;
    logic        store;
    logic        multiply;
    logic        divide;
    logic        reads_rs1;
    logic        reads_rs2;
    logic        writes_rd;
    logic        alu_immediate;   // second operand is the immediate, not rs2
    logic        sum_rs1;         // the address sum is rs1 + immediate, not pc + immediate
    alu_op_e     alu_op;
    result_e     result;
    logic [31:0] immediate;
  } decoded_t;
  localparam int unsigned DecodedBits = 14 + 4 + 3 + 32;

  // Where and why the core stopped. value: the address or the instruction word, as mtval.
  typedef struct packed {
    cause_e      cause;
    logic [31:0] pc;
    logic [31:0] value;
  } trap_t;

  // An instruction that left the pipeline, for comparison with an instruction-set simulator.
  typedef struct packed {
    logic        valid;
    logic        trap;           // it trapped: no register, no memory was written
    cause_e      cause;          // if it trapped
    logic [31:0] pc;
    logic [31:0] insn;           // 0 if the fetch faulted
    logic [4:0]  rd;             // 0: writes no register
    logic [31:0] rd_data;        // 0 if rd is 0
    logic [31:0] mem_addr;       // of the word; 0 without an access
    logic [3:0]  read_strobe;    // bytes of the word that were loaded
    logic [3:0]  write_strobe;   // bytes of the word that were stored
    logic [31:0] write_data;     // in their place in the word; other bytes are 0
  } retire_t;

endpackage
