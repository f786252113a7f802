// SPDX-License-Identifier: Apache-2.0
/// The devices of the controller's address map: command words, tapes, mailbox, state, and the
/// windows into top-k list, scalar registers and scratchpad.
///
/// One word access at a time, from the controller (`cpu_*`) or, while the controller does not run,
/// from the host's window (`win_*`). Requests stay until they are answered in the cycle of
/// `*_done_o`: at once for plain registers, after the unit's own time for the windows, and with
/// `*_error_o` for what is not there or not a whole word. While a tape is played, accesses of the
/// command and of the tape's registers wait. With Cfg.small_fabric, what a request asks for goes through
/// registers, which takes a cycle.
module device_bus #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         cpu_valid_i,
  input  logic                         cpu_write_i,
  input  logic [31:0]                  cpu_addr_i,
  input  logic [3:0]                   cpu_strobe_i,
  input  logic [31:0]                  cpu_data_i,
  output logic                         cpu_done_o,
  input  logic                         win_valid_i,
  input  logic                         win_write_i,
  input  logic [31:0]                  win_addr_i,
  input  logic [31:0]                  win_data_i,
  output logic                         win_done_o,
  output logic                         error_o,
  output logic [31:0]                  data_o,

  output logic                         tape_valid_o,
  input  logic                         tape_ready_i,
  output logic [15:0]                  tape_addr_o,
  input  logic [31:0]                  tape_data_i,

  output logic                         issue_valid_o,
  input  logic                         issue_ready_i,
  output logic [tern_pkg::CmdBits-1:0] issue_cmd_o,
  input  logic [31:0]                  done_i,
  input  logic [31:0]                  error_i,
  input  logic [31:0]                  cycles_i,

  input  logic                         mail_in_valid_i,
  input  logic [31:0]                  mail_in_i,
  output logic                         mail_in_pop_o,
  output logic                         mail_out_valid_o,
  input  logic                         mail_out_ready_i,
  output logic [31:0]                  mail_out_o,

  output logic                         working_o,
  output logic [tern_pkg::MmioPhaseBits-1:0] phase_o,

  input  logic [6:0]                   topk_count_i,
  output logic [5:0]                   topk_index_o,
  input  logic [31:0]                  topk_value_i,
  input  logic [31:0]                  topk_number_i,

  output logic                         scalar_wr_valid_o,
  input  logic                         scalar_wr_ready_i,
  output logic [1:0]                   scalar_wr_strobe_o,
  output logic [7:0]                   scalar_index_o,
  output logic [31:0]                  scalar_wr_data_o,
  output logic                         scalar_rd_valid_o,
  input  logic                         scalar_rd_ready_i,
  input  logic                         scalar_rd_done_i,
  input  logic [63:0]                  scalar_rd_data_i,

  output logic                         scratch_rd_valid_o,
  input  logic                         scratch_rd_ready_i,
  output logic [19:0]                  scratch_addr_o,
  input  logic                         scratch_rd_data_valid_i,
  input  logic [31:0]                  scratch_rd_data_i,
  output logic                         scratch_wr_valid_o,
  input  logic                         scratch_wr_ready_i,
  output logic [31:0]                  scratch_wr_data_o
);
  localparam int unsigned CmdWords    = tern_pkg::CommandWords;
  localparam logic [95:0] ConfigWords = tern_pkg::config_words(Cfg);
  // The scratchpad's window takes all that is left of its 4 MiB.
  localparam int unsigned ScratchBits = 22;

  // The request.
  logic        asked, valid, write, whole, from_cpu, good, done;
  logic [31:0] data, offset_d, offset;
  assign from_cpu = cpu_valid_i;
  assign asked    = cpu_valid_i || win_valid_i;
  assign write    = from_cpu ? cpu_write_i : win_write_i;
  assign data     = from_cpu ? cpu_data_i : win_data_i;
  assign whole    = !from_cpu || !cpu_write_i || cpu_strobe_i == '1;
  assign offset_d = {(from_cpu ? cpu_addr_i[31:2] : win_addr_i[31:2]), 2'b00} - tern_pkg::MmioBase;

  // Where it goes.
  logic        is_scratch, is_scalar, is_top, is_cmd, is_issue, is_tape;
  logic        known, known_d;
  logic [5:0]  place, place_d;
  logic [31:0] into_scratch, into_scalars, into_top;
  assign into_scratch = offset - tern_pkg::MmioScratch;
  assign into_scalars = offset - tern_pkg::MmioScalars;
  assign into_top     = offset - tern_pkg::MmioTopList;
  assign place_d = {
      offset_d >= tern_pkg::MmioScratch && offset_d - tern_pkg::MmioScratch < (1 << ScratchBits),
      offset_d >= tern_pkg::MmioScalars &&
          offset_d - tern_pkg::MmioScalars < tern_pkg::MmioScalarsBytes,
      offset_d >= tern_pkg::MmioTopList &&
          offset_d - tern_pkg::MmioTopList < tern_pkg::MmioTopListBytes && !write,
      offset_d < tern_pkg::MmioCmd + tern_pkg::MmioCmdBytes,
      offset_d == tern_pkg::MmioIssue && write,
      offset_d == tern_pkg::MmioTape && write};
  assign {is_scratch, is_scalar, is_top, is_cmd, is_issue, is_tape} = place;

  // What there is; a command's word is told by its place.
  always_comb begin
    case (offset_d)
      tern_pkg::MmioIssue, tern_pkg::MmioMailOut, tern_pkg::MmioPhase, tern_pkg::MmioTape:
        known_d = write;
      tern_pkg::MmioDone, tern_pkg::MmioMailState, tern_pkg::MmioMailIn, tern_pkg::MmioCycles,
      tern_pkg::MmioError, tern_pkg::MmioConfig, tern_pkg::MmioConfig2, tern_pkg::MmioConfig3,
      tern_pkg::MmioKeyBlock, tern_pkg::MmioTopCount:
        known_d = !write;
      tern_pkg::MmioWorking, tern_pkg::MmioTapeWaits: known_d = 1'b1;
      default: known_d = place_d[2];
    endcase
  end

  // A request stays until it is answered, and so does what is known of it from its second cycle on.
  if (Cfg.small_fabric) begin : gen_registered
    logic        settled_q;
    logic        known_q;
    logic [5:0]  place_q;
    logic [31:0] offset_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) settled_q <= 1'b0;
      else         settled_q <= asked && !done;
    end
    always_ff @(posedge clk_i) begin
      known_q  <= known_d;
      place_q  <= place_d;
      offset_q <= offset_d;
    end
    assign known  = known_q;
    assign valid  = asked && settled_q;
    assign place  = place_q;
    assign offset = offset_q;
  end else begin : gen_direct
    assign known  = known_d;
    assign valid  = asked;
    assign place  = place_d;
    assign offset = offset_d;
  end

  // Windows take their time.
  logic waiting_q;  // for read data
  logic start, window_read, window_write, window_ends;
  assign window_read  = valid && whole && !write && (is_scratch || is_scalar || is_top);
  assign window_write = valid && whole && write && (is_scratch || is_scalar);
  assign start        = window_read && !waiting_q &&
                        (is_scratch ? scratch_rd_ready_i : is_scalar ? scalar_rd_ready_i : 1'b1);
  assign window_ends  = window_read && waiting_q &&
                        (is_scratch ? scratch_rd_data_valid_i : is_scalar ? scalar_rd_done_i : 1'b1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waiting_q <= 1'b0;
    else         waiting_q <= start || (waiting_q && !window_ends);
  end

  assign scratch_addr_o     = into_scratch[ScratchBits-1:tern_pkg::MmioScratchEntryLsb];
  assign scratch_rd_valid_o = window_read && is_scratch && !waiting_q;
  assign scratch_wr_valid_o = window_write && is_scratch;
  assign scratch_wr_data_o  = data;
  assign scalar_index_o     = into_scalars[tern_pkg::MmioScalarsEntryLsb +: 8];
  assign scalar_rd_valid_o  = window_read && is_scalar && !waiting_q;
  assign scalar_wr_valid_o  = window_write && is_scalar;
  assign scalar_wr_strobe_o = into_scalars[2] ? 2'b10 : 2'b01;
  assign scalar_wr_data_o   = data;
  assign topk_index_o       = into_top[tern_pkg::MmioTopListEntryLsb +: 6];

  // Tapes.
  logic                   plays, play_word, play_issue;
  logic [2:0]             play_index;
  logic [31:0]            play_data, waits_q;
  logic [32*CmdWords-1:0] cmd_q;

  tape_player u_player (
    .clk_i, .rst_ni,
    .start_i       (good && is_tape),
    .address_i     (data[tern_pkg::MmioTapeStartLsb +: tern_pkg::MmioTapeStartBits]),
    .commands_i    (data[tern_pkg::MmioTapeCommandsLsb +: tern_pkg::MmioTapeCommandsBits]),
    .waits_i       (waits_q),
    .busy_o        (plays),
    .mem_valid_o   (tape_valid_o),
    .mem_ready_i   (tape_ready_i),
    .mem_addr_o    (tape_addr_o),
    .mem_data_i    (tape_data_i),
    .word_valid_o  (play_word),
    .word_index_o  (play_index),
    .word_o        (play_data),
    .scalar_i      (cmd_q[tern_pkg::OpcodeLsb +: tern_pkg::OpcodeBits] ==
                    tern_pkg::ChipOpcodeScalar),
    .issue_valid_o (play_issue),
    .issue_ready_i (issue_ready_i)
  );

  // Plain registers.
  logic [31:0] value;

  always_comb begin
    case (offset)
      tern_pkg::MmioDone:      value = done_i;
      tern_pkg::MmioMailState: value = 32'(mail_in_valid_i) << tern_pkg::MmioMailStateWordLsb |
                                       32'(mail_out_ready_i) << tern_pkg::MmioMailStateRoomLsb;
      tern_pkg::MmioMailIn:    value = mail_in_valid_i ? mail_in_i : '0;
      tern_pkg::MmioWorking:   value = 32'(working_o) << tern_pkg::MmioWorkingRequestLsb;
      tern_pkg::MmioCycles:    value = cycles_i;
      tern_pkg::MmioError:     value = error_i;
      tern_pkg::MmioConfig:    value = ConfigWords[31:0];
      tern_pkg::MmioConfig2:   value = ConfigWords[63:32];
      tern_pkg::MmioConfig3:   value = ConfigWords[95:64];
      tern_pkg::MmioKeyBlock:  value = Cfg.key_block;
      tern_pkg::MmioTopCount:  value = 32'(topk_count_i);
      tern_pkg::MmioTapeWaits: value = waits_q;
      default:                 value = '0;
    endcase
    for (int unsigned i = 0; i < CmdWords; i++) begin
      if (offset == tern_pkg::MmioCmd + 4 * i) value = cmd_q[32*i +: 32];
    end
  end

  logic windowed, waits;
  assign windowed = whole && (is_scratch || is_scalar || is_top);
  assign waits    = plays ? is_cmd || is_issue || is_tape || offset == tern_pkg::MmioTapeWaits
                          : is_issue && !issue_ready_i;
  assign done     = valid && (!whole || (windowed ? window_ends ||
                                         (window_write && (is_scratch ? scratch_wr_ready_i
                                                                      : scalar_wr_ready_i))
                                                  : !waits));
  assign cpu_done_o = done && from_cpu;
  assign win_done_o = done && !from_cpu;
  assign error_o    = !whole || (!windowed && !known);

  always_comb begin
    data_o = value;
    if (is_scratch)     data_o = scratch_rd_data_i;
    else if (is_scalar) data_o = into_scalars[2] ? scalar_rd_data_i[63:32] : scalar_rd_data_i[31:0];
    else if (is_top)    data_o = into_top[2] ? topk_number_i : topk_value_i;
  end

  // Effects of an access, in the cycle in which it is answered.
  assign good             = done && !error_o;
  assign issue_valid_o    = play_issue || (valid && whole && is_issue && !plays);
  assign issue_cmd_o      = cmd_q;
  assign mail_in_pop_o    = good && !write && offset == tern_pkg::MmioMailIn && mail_in_valid_i;
  assign mail_out_valid_o = good && write && offset == tern_pkg::MmioMailOut;
  assign mail_out_o       = data;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      working_o <= 1'b0;
      phase_o   <= '0;
      waits_q   <= '0;
    end else if (good && write) begin
      if (offset == tern_pkg::MmioTapeWaits) waits_q <= data;
      if (offset == tern_pkg::MmioWorking) working_o <= data[tern_pkg::MmioWorkingRequestLsb];
      if (offset == tern_pkg::MmioPhase)   phase_o   <= data[tern_pkg::MmioPhaseBits-1:0];
    end
  end

  for (genvar i = 0; i < CmdWords; i++) begin : gen_cmd
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        cmd_q[32*i +: 32] <= '0;
      end else if (play_word && play_index == 3'(i)) begin
        cmd_q[32*i +: 32] <= play_data;
      end else if (good && write && offset == tern_pkg::MmioCmd + 4 * i) begin
        cmd_q[32*i +: 32] <= data;
      end
    end
  end

  logic unused_bits;
  assign unused_bits = ^{cpu_addr_i[1:0], win_addr_i[1:0], into_scratch, into_scalars, into_top};
endmodule
