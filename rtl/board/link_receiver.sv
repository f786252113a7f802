// SPDX-License-Identifier: Apache-2.0
/// Finds frames of the host link in a stream of bytes and hands over those whose CRC is right.
///
/// A frame goes into one of two buffers, so that one can be received while another is executed;
/// `frame_*` shows the oldest complete one until `frame_done_i`. The payload is read as words of
/// eight bytes, a cycle after the address; bytes behind its end are undefined. Nothing of a frame is
/// shown before its CRC has been checked.
///
/// A frame is dropped, and `damaged_o` pulses, if its CRC is wrong, its payload too long, a
/// character in it broken (`byte_error_i`), or if the line is silent inside it for PauseCycles;
/// `overrun_o` pulses for a good one that came while both buffers were full. The search for the next
/// frame starts with the byte behind.
module link_receiver #(
  parameter int unsigned PauseCycles = 2000000
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        byte_valid_i,
  input  logic [7:0]  byte_i,
  input  logic        byte_error_i,

  output logic        frame_valid_o,
  input  logic        frame_done_i,
  output logic [7:0]  frame_opcode_o,
  output logic [7:0]  frame_sequence_o,
  output logic [10:0] frame_length_o,
  output logic [31:0] frame_addr_o,
  input  logic [6:0]  word_addr_i,
  output logic [63:0] word_o,

  output logic        damaged_o,
  output logic        overrun_o
);
  localparam int unsigned FieldBytes = tern_pkg::LinkHeaderBytes - 2;
  localparam int unsigned MaxPayload = tern_pkg::LinkPayloadBytes;
  localparam logic [31:0] Residue    = 32'hdebb20e3;
  localparam int unsigned PauseBits  = $clog2(PauseCycles + 1);

  typedef enum logic [2:0] {StSync0, StSync1, StHeader, StPayload, StCrc} state_e;
  state_e     state_q;
  logic [9:0] index_q;   // byte of the part at hand
  logic [PauseBits-1:0] pause_q;
  logic       in_frame, silent, part_ends, too_long, good, frame_ends;

  // opcode, sequence, length, address
  logic [63:0] header_q, header_d;
  logic [31:0] crc_q, crc_d;
  logic [15:0] length;
  logic        slot_q, read_slot_q, blocked_q;   // blocked: the frame at hand finds no buffer
  logic [1:0]  full_q;
  logic [58:0] slot0_q, slot1_q, slot_d;

  crc32_byte u_crc (.crc_i(crc_q), .byte_i, .crc_o(crc_d));

  assign header_d  = {byte_i, header_q[63:8]};
  assign length    = header_q[31:16];
  assign in_frame  = state_q != StSync0 && state_q != StSync1;
  assign silent    = pause_q == '0;
  assign too_long  = header_d[31:16] > 16'(MaxPayload);
  assign part_ends = index_q == (state_q == StHeader  ? 10'(FieldBytes - 1) :
                                 state_q == StPayload ? 10'(length - 16'd1) :
                                                        10'(tern_pkg::LinkCrcBytes - 1));
  assign frame_ends = byte_valid_i && state_q == StCrc && part_ends;
  assign good       = crc_d == Residue;
  assign damaged_o  = (frame_ends && !good) ||
                      (byte_valid_i && state_q == StHeader && part_ends && too_long) ||
                      (in_frame && (byte_error_i || (silent && !byte_valid_i)));
  assign overrun_o  = frame_ends && good && blocked_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= StSync0;
      index_q   <= '0;
      pause_q   <= PauseBits'(PauseCycles);
      crc_q     <= '1;
      blocked_q <= 1'b0;
    end else begin
      if (byte_valid_i)  pause_q <= PauseBits'(PauseCycles);
      else if (!silent)  pause_q <= pause_q - 1'b1;

      if (byte_error_i || (silent && !byte_valid_i)) begin
        state_q <= StSync0;
      end else if (byte_valid_i) begin
        index_q <= part_ends ? '0 : index_q + 10'd1;
        crc_q   <= crc_d;
        case (state_q)
          StSync0: if (byte_i == 8'(tern_pkg::LinkSync0)) state_q <= StSync1;
          StSync1: begin
            if (byte_i == 8'(tern_pkg::LinkSync1))      state_q <= StHeader;
            else if (byte_i != 8'(tern_pkg::LinkSync0)) state_q <= StSync0;
            index_q   <= '0;
            crc_q     <= '1;
            blocked_q <= full_q[slot_q];
          end
          StHeader: if (part_ends) begin
            if (too_long)                      state_q <= StSync0;
            else if (header_d[31:16] == 16'd0) state_q <= StCrc;
            else                               state_q <= StPayload;
          end
          StPayload: if (part_ends) state_q <= StCrc;
          default:   if (part_ends) state_q <= StSync0;
        endcase
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (byte_valid_i && state_q == StHeader) header_q <= header_d;
  end

  // Payload, written with each byte as the word that it is the last of so far.
  logic [63:0] mem_q [2 * MaxPayload / 8];
  logic [63:0] word_q, word_d, read_q;
  always_comb begin
    word_d = word_q;
    word_d[8*index_q[2:0] +: 8] = byte_i;
  end
  always_ff @(posedge clk_i) begin
    if (byte_valid_i) word_q <= word_d;
    if (byte_valid_i && state_q == StPayload && !blocked_q) mem_q[{slot_q, index_q[9:3]}] <= word_d;
    read_q <= mem_q[{read_slot_q, word_addr_i}];
  end
  assign word_o = read_q;

  // Buffers.
  logic accept;
  assign accept = frame_ends && good && !blocked_q;
  assign slot_d = {header_q[63:32], length[10:0], header_q[15:0]};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slot_q      <= 1'b0;
      read_slot_q <= 1'b0;
      full_q      <= '0;
    end else begin
      if (accept) begin
        full_q[slot_q] <= 1'b1;
        slot_q         <= !slot_q;
      end
      if (frame_done_i) begin
        full_q[read_slot_q] <= 1'b0;
        read_slot_q         <= !read_slot_q;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (accept && !slot_q) slot0_q <= slot_d;
    if (accept && slot_q)  slot1_q <= slot_d;
  end

  assign frame_valid_o = full_q[read_slot_q];
  assign {frame_addr_o, frame_length_o, frame_sequence_o, frame_opcode_o} =
      read_slot_q ? slot1_q : slot0_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertDoneIsShown: assert (!frame_done_i || frame_valid_o);
      AssertBufferFree:  assert (!accept || !full_q[slot_q]);
    end
  end
`endif
endmodule
