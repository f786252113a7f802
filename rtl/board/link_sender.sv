// SPDX-License-Identifier: Apache-2.0
/// Sends the replies of the host link as bytes: sync, header, payload, CRC.
///
/// A reply is taken by `start_i` while `busy_o` is low; its fields must hold until `busy_o` falls
/// again. The payload is read as words of eight bytes, whose data come a cycle after the address.
module link_sender (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  output logic        busy_o,
  input  logic [63:0] header_i,   // all behind the sync bytes, the first byte lowest
  input  logic [10:0] length_i,
  output logic [6:0]  word_addr_o,
  input  logic [63:0] word_i,

  output logic        byte_valid_o,
  input  logic        byte_ready_i,
  output logic [7:0]  byte_o
);
  typedef enum logic [2:0] {StIdle, StSync, StHeader, StFetch, StPayload, StCrc} state_e;
  state_e      state_q;
  logic [10:0] index_q;   // byte of the part at hand
  logic [31:0] crc_q, crc_d;
  logic [7:0]  selected;
  logic        taken;

  assign busy_o       = state_q != StIdle;
  assign byte_valid_o = state_q != StIdle && state_q != StFetch;
  assign taken        = byte_valid_o && byte_ready_i;
  assign word_addr_o  = index_q[9:3];
  assign byte_o       = selected;

  crc32_byte u_crc (.crc_i(crc_q), .byte_i(selected), .crc_o(crc_d));

  always_comb begin
    case (state_q)
      StSync:    selected = index_q[0] ? 8'(tern_pkg::LinkSync1) : 8'(tern_pkg::LinkSync0);
      StHeader:  selected = header_i[8*index_q[2:0] +: 8];
      StPayload: selected = word_i[8*index_q[2:0] +: 8];
      default:   selected = ~crc_q[8*index_q[1:0] +: 8];
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      index_q <= '0;
      crc_q   <= '1;
    end else begin
      case (state_q)
        StIdle: begin
          index_q <= '0;
          crc_q   <= '1;
          if (start_i) state_q <= StSync;
        end
        StSync: if (taken) begin
          index_q <= index_q[0] ? '0 : 11'd1;
          if (index_q[0]) state_q <= StHeader;
        end
        StHeader: if (taken) begin
          crc_q   <= crc_d;
          index_q <= index_q == 11'd7 ? '0 : index_q + 11'd1;
          if (index_q == 11'd7) state_q <= length_i == '0 ? StCrc : StFetch;
        end
        StFetch: state_q <= StPayload;
        StPayload: if (taken) begin
          crc_q   <= crc_d;
          index_q <= index_q + 11'd1 == length_i ? '0 : index_q + 11'd1;
          state_q <= index_q + 11'd1 == length_i ? StCrc : StFetch;
        end
        default: if (taken) begin
          index_q <= index_q + 11'd1;
          if (index_q == 11'd3) state_q <= StIdle;
        end
      endcase
    end
  end
endmodule
