// SPDX-License-Identifier: Apache-2.0
/// Plays tapes: queues commands that lie one after another in the controller's data memory, eight
/// words each, while the controller goes on.
///
/// `start_i` takes a tape, only while `busy_o` is low: `address_i` is the byte offset of its first
/// command, a multiple of 32; `commands_i` may be 0. `waits_i` is added to word 1 of each, byte by
/// byte. Words go to the command register, one at a time (`word_*`), but for words 4, 6 and 7 of
/// scalar commands, which mean nothing there. `issue_valid_o` offers what is there to the queue.
///
/// The memory answers a request that is taken (`mem_valid_o && mem_ready_i`) in the next cycle. The
/// first word of a command is read while the one before is offered; if that is not taken, the word
/// is dropped, and read again later. Eight cycles a command, five if it is scalar.
module tape_player (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        start_i,
  input  logic [15:0] address_i,
  input  logic [15:0] commands_i,
  input  logic [31:0] waits_i,
  output logic        busy_o,

  output logic        mem_valid_o,
  input  logic        mem_ready_i,
  output logic [15:0] mem_addr_o,
  input  logic [31:0] mem_data_i,

  output logic        word_valid_o,
  output logic [2:0]  word_index_o,
  output logic [31:0] word_o,
  input  logic        scalar_i,
  output logic        issue_valid_o,
  input  logic        issue_ready_i
);
  logic [10:0] command_q;  // whose words are requested, in units of 32 bytes
  logic [15:0] left_q;     // commands whose last word has not been requested
  logic [2:0]  next_q;     // word to request
  logic        arrives_q;  // in this cycle, the word:
  logic [2:0]  index_q;
  logic        full_q;     // a whole command is offered
  logic        hold_q;     // nothing is read until it is taken

  logic drop, request, last_request, last_word;
  assign drop         = arrives_q && full_q && !issue_ready_i;
  assign mem_valid_o  = left_q != '0 && !hold_q;
  assign mem_addr_o   = {command_q, next_q, 2'b00};
  assign request      = mem_valid_o && mem_ready_i && !drop;
  assign last_request = next_q == (scalar_i ? 3'd5 : 3'd7);
  assign last_word    = index_q == (scalar_i ? 3'd5 : 3'd7);

  assign word_valid_o = arrives_q && !drop;
  assign word_index_o = index_q;
  always_comb begin
    word_o = mem_data_i;
    if (index_q == 3'd1) begin
      for (int unsigned i = 0; i < 4; i++) begin
        word_o[8*i +: 8] = mem_data_i[8*i +: 8] + waits_i[8*i +: 8];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q    <= '0;
      arrives_q <= 1'b0;
      full_q    <= 1'b0;
      hold_q    <= 1'b0;
    end else begin
      if (start_i)                      left_q <= commands_i;
      else if (request && last_request) left_q <= left_q - 16'd1;
      arrives_q <= request;
      full_q    <= (word_valid_o && last_word) || (full_q && !issue_ready_i);
      hold_q    <= drop || (hold_q && !issue_ready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    index_q <= next_q;
    if (start_i)                      command_q <= address_i[15:5];
    else if (request && last_request) command_q <= command_q + 11'd1;
    if (start_i || drop || (request && last_request)) next_q <= '0;
    else if (request) next_q <= scalar_i && next_q == 3'd3 ? 3'd5 : next_q + 3'd1;
  end

  assign issue_valid_o = full_q;
  assign busy_o        = left_q != '0 || arrives_q || full_q;

  logic unused_address;
  assign unused_address = ^address_i[4:0];

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertStartIdle: assert (!(start_i && busy_o));
      AssertDropsFirst: assert (!drop || index_q == 3'd0);
    end
  end
`endif
endmodule
