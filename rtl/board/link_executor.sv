// SPDX-License-Identifier: Apache-2.0
/// Does what the frames of the host link ask for, one after another, and replies to each.
///
/// A frame is taken when the reply before it has been sent. Registers are reached by AXI4-Lite, memory
/// by AXI4 (link_memory). A frame reads consecutive registers, or writes one again and again; the first
/// error ends it. Frames must carry consecutive sequence numbers. A frame with one of the last
/// two numbers again is a repetition whose reply got lost: a write is not done twice, its first
/// status is replied; all else is done again. Damage is reported as soon as no frame waits.
module link_executor (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        irq_i,

  input  logic        frame_valid_i,
  output logic        frame_done_o,
  input  logic [7:0]  frame_opcode_i,
  input  logic [7:0]  frame_sequence_i,
  input  logic [10:0] frame_length_i,
  input  logic [31:0] frame_addr_i,
  output logic [6:0]  word_addr_o,
  input  logic [63:0] word_i,
  input  logic        damaged_i,
  input  logic        overrun_i,
  input  logic        line_error_i,

  output logic        reply_start_o,
  input  logic        reply_busy_i,
  output logic [63:0] reply_header_o,
  output logic [10:0] reply_length_o,
  input  logic [6:0]  reply_word_addr_i,
  output logic [63:0] reply_word_o,

  output logic        m_axil_awvalid_o,
  input  logic        m_axil_awready_i,
  output logic [11:0] m_axil_awaddr_o,
  output logic        m_axil_wvalid_o,
  input  logic        m_axil_wready_i,
  output logic [31:0] m_axil_wdata_o,
  output logic [3:0]  m_axil_wstrb_o,
  input  logic        m_axil_bvalid_i,
  output logic        m_axil_bready_o,
  input  logic [1:0]  m_axil_bresp_i,
  output logic        m_axil_arvalid_o,
  input  logic        m_axil_arready_i,
  output logic [11:0] m_axil_araddr_o,
  input  logic        m_axil_rvalid_i,
  output logic        m_axil_rready_o,
  input  logic [31:0] m_axil_rdata_i,
  input  logic [1:0]  m_axil_rresp_i,

  output logic        m_axi_arvalid_o,
  input  logic        m_axi_arready_i,
  output logic [39:0] m_axi_araddr_o,
  output logic [7:0]  m_axi_arlen_o,
  input  logic        m_axi_rvalid_i,
  output logic        m_axi_rready_o,
  input  logic [63:0] m_axi_rdata_i,
  input  logic [7:0]  m_axi_rdatachk_i,
  input  logic [1:0]  m_axi_rresp_i,
  input  logic        m_axi_rlast_i,
  output logic        m_axi_awvalid_o,
  input  logic        m_axi_awready_i,
  output logic [39:0] m_axi_awaddr_o,
  output logic [7:0]  m_axi_awlen_o,
  output logic        m_axi_wvalid_o,
  input  logic        m_axi_wready_i,
  output logic [63:0] m_axi_wdata_o,
  output logic [7:0]  m_axi_wdatachk_o,
  output logic [7:0]  m_axi_wstrb_o,
  output logic        m_axi_wlast_o,
  input  logic        m_axi_bvalid_i,
  output logic        m_axi_bready_o,
  input  logic [1:0]  m_axi_bresp_i
);
  localparam int unsigned MaxPayload  = tern_pkg::LinkPayloadBytes;
  localparam int unsigned MaxChecksum = tern_pkg::LinkChecksumBytes;

  typedef enum logic [3:0] {
    StIdle, StFetch, StCount, StCheck, StDecode, StRegister, StWord, StMemory, StReply
  } state_e;
  state_e state_q;

  // The frame at hand.
  logic        is_hello, is_reg_read, is_reg_write, is_mem_read, is_mem_write, is_status;
  logic        is_checksum, is_register, is_memory;
  logic        is_write, known, length_ok, addr_ok, count_ok, expected, repeated;
  logic [7:0]  age;
  logic [31:0] count, count_q;   // bytes of memory or registers
  logic [7:0]  refusal, refusal_q;

  assign is_hello     = frame_opcode_i == 8'(tern_pkg::LinkOpcodeHello);
  assign is_reg_read  = frame_opcode_i == 8'(tern_pkg::LinkOpcodeReadRegister);
  assign is_reg_write = frame_opcode_i == 8'(tern_pkg::LinkOpcodeWriteRegister);
  assign is_mem_read  = frame_opcode_i == 8'(tern_pkg::LinkOpcodeReadMemory);
  assign is_mem_write = frame_opcode_i == 8'(tern_pkg::LinkOpcodeWriteMemory);
  assign is_status    = frame_opcode_i == 8'(tern_pkg::LinkOpcodeStatus);
  assign is_checksum  = frame_opcode_i == 8'(tern_pkg::LinkOpcodeChecksum);
  assign is_register  = is_reg_read || is_reg_write;
  assign is_memory    = is_mem_read || is_mem_write || is_checksum;
  assign is_write     = is_reg_write || is_mem_write;
  assign known        = is_hello || is_status || is_register || is_memory;

  assign count = is_write ? 32'(frame_length_i) : frame_length_i == '0 ? 32'd4 : word_i[31:0];
  always_comb begin
    length_ok = frame_length_i == '0;
    if (is_write)                     length_ok = frame_length_i != '0;
    if (is_reg_read)                  length_ok = frame_length_i == '0 || frame_length_i == 11'd4;
    if (is_mem_read || is_checksum)   length_ok = frame_length_i == 11'd4;

    count_ok = 1'b1;
    if (is_register) count_ok = count_q[1:0] == '0 && count_q != '0 && count_q <= 32'(MaxPayload);
    if (is_memory) begin
      count_ok = count_q[2:0] == '0 && count_q != '0 &&
                 count_q <= (is_checksum ? 32'(MaxChecksum) : 32'(MaxPayload));
    end

    addr_ok = 1'b1;
    if (is_register) begin
      addr_ok = frame_addr_i[1:0] == '0 && frame_addr_i[31:12] == '0 &&
                (is_reg_write || 13'(frame_addr_i) + 13'(count_q) <= 13'h1000);
    end
    if (is_memory) begin
      addr_ok = frame_addr_i[2:0] == '0 && 33'(frame_addr_i) + 33'(count_q) <= {1'b1, 32'd0};
    end
  end

  // Sequence.
  logic [7:0]  expected_q;
  logic [15:0] status_q;   // of the last two frames, by the lowest bit of their number
  assign expected = is_hello || frame_sequence_i == expected_q;
  assign age      = expected_q - frame_sequence_i;
  assign repeated = !expected && (age == 8'd1 || age == 8'd2);

  always_comb begin
    if (!expected && !repeated)       refusal = tern_pkg::LinkStatusSequence;
    else if (!known)                  refusal = tern_pkg::LinkStatusBadOpcode;
    else if (!length_ok || !count_ok) refusal = tern_pkg::LinkStatusBadLength;
    else if (!addr_ok)                refusal = tern_pkg::LinkStatusBadAddress;
    else if (repeated && is_write)    refusal = status_q[8*frame_sequence_i[0] +: 8];
    else                              refusal = tern_pkg::LinkStatusOk;
  end

  // The memory's word is taken, then what it asks for is checked, then done: a cycle each.
  always_ff @(posedge clk_i) begin
    count_q   <= count;
    refusal_q <= refusal;
  end

  // Work.
  logic        error_q, reg_ar_valid_q, reg_aw_valid_q, reg_w_valid_q, reg_r_taken, reg_b_taken;
  logic        goes_on, mem_start, mem_done, mem_error, mem_read;
  logic [6:0]  mem_read_addr;
  logic [63:0] mem_read_data;
  logic [31:0] mem_checksum;
  logic [6:0]  mem_word_addr;
  logic [7:0]  reg_index_q;   // word of the payload
  logic [8:0]  reg_left_q;    // words
  logic        reg_taken, reg_error;
  assign goes_on     = refusal_q == tern_pkg::LinkStatusOk && !(repeated && is_write);
  assign mem_start   = state_q == StDecode && goes_on && is_memory;
  assign reg_r_taken = m_axil_rvalid_i && m_axil_rready_o;
  assign reg_b_taken = m_axil_bvalid_i && m_axil_bready_o;
  assign reg_taken   = reg_r_taken || reg_b_taken;
  assign reg_error   = (reg_r_taken ? m_axil_rresp_i : m_axil_bresp_i) != 2'b00;
  assign word_addr_o = mem_word_addr | reg_index_q[7:1];   // the one that does not work is 0

  link_memory u_memory (
    .clk_i,
    .rst_ni,
    .start_i      (mem_start),
    .write_i      (is_mem_write),
    .addr_i       (frame_addr_i),
    .checksum_i   (is_checksum),
    .beats_i      (14'(count_q >> 3)),
    .done_o       (mem_done),
    .error_o      (mem_error),
    .checksum_o   (mem_checksum),
    .word_addr_o  (mem_word_addr),
    .word_i,
    .read_valid_o (mem_read),
    .read_addr_o  (mem_read_addr),
    .read_data_o  (mem_read_data),
    .m_axi_arvalid_o,
    .m_axi_arready_i,
    .m_axi_araddr_o,
    .m_axi_arlen_o,
    .m_axi_rvalid_i,
    .m_axi_rready_o,
    .m_axi_rdata_i,
    .m_axi_rdatachk_i,
    .m_axi_rresp_i,
    .m_axi_rlast_i,
    .m_axi_awvalid_o,
    .m_axi_awready_i,
    .m_axi_awaddr_o,
    .m_axi_awlen_o,
    .m_axi_wvalid_o,
    .m_axi_wready_i,
    .m_axi_wdata_o,
    .m_axi_wdatachk_o,
    .m_axi_wstrb_o,
    .m_axi_wlast_o,
    .m_axi_bvalid_i,
    .m_axi_bready_o,
    .m_axi_bresp_i
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                reg_index_q <= '0;
    else if (state_q == StIdle) reg_index_q <= '0;
    else if (reg_taken)         reg_index_q <= reg_index_q + 8'd1;
  end

  // What is replied.
  logic        damaged_q, about_damage_q;
  logic        first_q;    // not a repetition
  logic [7:0]  result, result_q;
  logic [10:0] length_q;
  logic        ends, start_q, idle;
  assign idle = !reply_busy_i && !start_q;
  assign ends = state_q == StReply;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= StIdle;
      expected_q     <= '0;
      status_q       <= {2{tern_pkg::LinkStatusSequence}};
      error_q        <= 1'b0;
      reg_ar_valid_q <= 1'b0;
      reg_aw_valid_q <= 1'b0;
      reg_w_valid_q  <= 1'b0;
      damaged_q      <= 1'b0;
      about_damage_q <= 1'b0;
    end else begin
      damaged_q <= damaged_q || damaged_i || overrun_i;
      if (m_axil_arready_i) reg_ar_valid_q <= 1'b0;
      if (m_axil_awready_i) reg_aw_valid_q <= 1'b0;
      if (m_axil_wready_i)  reg_w_valid_q <= 1'b0;

      case (state_q)
        StIdle: begin
          error_q <= 1'b0;
          if (idle && frame_valid_i) begin
            state_q        <= StFetch;
            about_damage_q <= 1'b0;
          end else if (idle && damaged_q) begin
            state_q        <= StReply;
            about_damage_q <= 1'b1;
            damaged_q      <= damaged_i || overrun_i;
          end
        end
        StFetch: state_q <= StCount;
        StCount: state_q <= StCheck;
        StCheck: state_q <= StDecode;
        StDecode: begin
          if (expected) expected_q <= frame_sequence_i + 8'd1;
          if (is_hello) status_q <= {2{tern_pkg::LinkStatusSequence}};
          state_q <= StReply;
          if (goes_on) begin
            reg_ar_valid_q <= is_reg_read;
            reg_aw_valid_q <= is_reg_write;
            reg_w_valid_q  <= is_reg_write;
            if (is_register) state_q <= StRegister;
            if (is_memory)   state_q <= StMemory;
          end
        end
        StRegister: if (reg_taken) begin
          error_q <= reg_error;
          state_q <= reg_error || reg_left_q == 9'd1 ? StReply : StWord;
        end
        StWord: begin
          reg_ar_valid_q <= is_reg_read;
          reg_aw_valid_q <= is_reg_write;
          reg_w_valid_q  <= is_reg_write;
          state_q        <= StRegister;
        end
        StMemory: if (mem_done) begin
          error_q <= mem_error;
          state_q <= StReply;
        end
        default: begin
          if (!about_damage_q && first_q) status_q[8*frame_sequence_i[0] +: 8] <= result;
          state_q <= StIdle;
        end
      endcase
    end
  end

  assign result = about_damage_q ? tern_pkg::LinkStatusDamaged :
                  error_q ? tern_pkg::LinkStatusBusError : result_q;
  always_ff @(posedge clk_i) begin
    if (state_q == StDecode) begin
      first_q  <= expected;
      result_q <= refusal_q;
      length_q <= is_mem_read || is_reg_read ? count_q[10:0] : is_checksum ? 11'd4 :
                  is_hello || is_status ? 11'd8 : 11'd0;
    end
    if (state_q == StDecode) begin
      reg_left_q <= 9'(count_q >> 2);
    end else if (reg_taken) begin
      reg_left_q <= reg_left_q - 9'd1;
    end
  end

  // Counters of what went wrong, for Status.
  logic [15:0] damaged_count_q, overrun_count_q, line_count_q, sequence_count_q;
  logic        out_of_sequence;
  assign out_of_sequence = state_q == StDecode && refusal_q == tern_pkg::LinkStatusSequence;
  function automatic logic [15:0] count_up(input logic [15:0] value, input logic event_i);
    count_up = value == '1 ? value : value + 16'(event_i);
  endfunction
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      damaged_count_q  <= '0;
      overrun_count_q  <= '0;
      line_count_q     <= '0;
      sequence_count_q <= '0;
    end else begin
      damaged_count_q  <= count_up(damaged_count_q, damaged_i);
      overrun_count_q  <= count_up(overrun_count_q, overrun_i);
      line_count_q     <= count_up(line_count_q, line_error_i);
      sequence_count_q <= count_up(sequence_count_q, out_of_sequence);
    end
  end

  // Payload of the reply.
  logic [63:0] mem_q [MaxPayload / 8];
  logic [63:0] mem_word, read_q;
  logic [31:0] even_q;       // register in front of the one at hand
  logic [6:0]  mem_addr;
  logic        mem_write;
  assign mem_write = mem_read || reg_r_taken || state_q == StDecode || (mem_done && is_checksum);
  assign mem_addr  = mem_read ? mem_read_addr : reg_index_q[7:1];
  assign mem_word  = mem_read    ? mem_read_data :
                     reg_r_taken ? (reg_index_q[0] ? {m_axil_rdata_i, even_q}
                                                   : 64'(m_axil_rdata_i)) :
                     is_checksum ? 64'(mem_checksum) :
                     is_hello    ? {16'd0, 16'(tern_pkg::LinkWindow), 16'(MaxPayload),
                                    16'(tern_pkg::LinkVersion)} :
                     {sequence_count_q, line_count_q, overrun_count_q, damaged_count_q};
  always_ff @(posedge clk_i) begin
    if (reg_r_taken) even_q <= m_axil_rdata_i;
    if (mem_write) mem_q[mem_addr] <= mem_word;
    read_q <= mem_q[reply_word_addr_i];
  end
  assign reply_word_o = read_q;

  // Header of the reply; it holds until the next one.
  logic [63:0] header_q;
  logic [10:0] reply_length_q, reply_length;
  assign reply_length = result == tern_pkg::LinkStatusOk ? length_q : 11'd0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) start_q <= 1'b0;
    else         start_q <= ends;
  end
  always_ff @(posedge clk_i) begin
    if (ends) begin
      header_q <= {8'd0, expected_q, 7'd0, irq_i, result, 16'(reply_length),
                   about_damage_q ? expected_q : frame_sequence_i,
                   8'(tern_pkg::LinkReplyBit) | (about_damage_q ? 8'd0 : frame_opcode_i)};
      reply_length_q <= reply_length;
    end
  end
  assign reply_start_o  = start_q;
  assign reply_header_o = header_q;
  assign reply_length_o = reply_length_q;
  assign frame_done_o   = ends && !about_damage_q;

  // Buses.
  assign m_axil_awvalid_o = reg_aw_valid_q;
  assign m_axil_awaddr_o  = frame_addr_i[11:0];
  assign m_axil_wvalid_o  = reg_w_valid_q;
  assign m_axil_wdata_o   = reg_index_q[0] ? word_i[63:32] : word_i[31:0];
  assign m_axil_wstrb_o   = '1;
  assign m_axil_bready_o  = state_q == StRegister;
  assign m_axil_arvalid_o = reg_ar_valid_q;
  assign m_axil_araddr_o  = frame_addr_i[11:0] + {2'd0, reg_index_q, 2'd0};
  assign m_axil_rready_o  = state_q == StRegister;
endmodule
