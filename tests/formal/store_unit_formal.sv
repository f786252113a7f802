// SPDX-License-Identifier: Apache-2.0
/// Proof of rtl/cluster/store_unit.sv: every element of a command is written once, to its bytes, and
/// every command is reported done once, with its last answer.
///
/// A walker goes through the beats of the commands as they were accepted: elements, strobes and
/// address of each follow from the definition of STORE. Data are independent of control: the
/// scratchpad holds zeros but for one byte of one word, `marked_*_i` of the first cycle, so that it
/// may be any byte of any word. One write is tracked until its answer: `pick_i` is
/// free, so it may be any write of any run. Assumed: the scratchpad answers a read two cycles after
/// it has taken it; the memory answers a write only after it has taken its address and its beat; a
/// command comes only while at most one other has beats left. Fields are narrowed by parameters, to
/// keep the proof small; ready signals, answers and `stop_i` are free.
module store_unit_formal #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter int unsigned AddrBits  = 9,
  parameter int unsigned MaxWrites = 3,
  parameter int unsigned Lines     = 2,
  parameter int unsigned CountBits = 3,   // elements of a row, less one
  parameter int unsigned RowBits   = 1,   // rows, less one
  localparam int unsigned Columns  = Cfg.columns,
  localparam int unsigned Lanes    = Cfg.lanes,
  localparam int unsigned ByteBits = $clog2(Columns)
) (
  input logic                 clk_i,

  input logic                 stop_i,
  input logic                 cmd_valid_i,
  input logic                 code_i,
  input logic                 scatter_i,
  input logic [AddrBits-1:0]  addr_i,
  input logic [CountBits-1:0] count_i,
  input logic [RowBits-1:0]   rows_i,
  input logic [1:0]           src_i,
  input logic [1:0]           src_stride_i,
  input logic [1:0]           beat_stride_i,
  input logic                 row_stride_i,
  input logic                 rd_ready_i,
  input logic                 aw_ready_i,
  input logic                 w_ready_i,
  input logic                 answer_i,
  input logic [1:0]           b_resp_i,
  input logic                 pick_i,
  input logic [4:0]           marked_word_i,
  input logic [1:0]           marked_byte_i
);
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits;
  localparam int unsigned WordBits   = 5;  // of the addresses that commands reach
  localparam int unsigned UnitBits   = 6 - ByteBits;
  localparam int unsigned PlaceBits  = ByteBits + 1;
  localparam int unsigned WritesBits = $clog2(MaxWrites + 2);
  // Cycles after which a unit with a beat left and nothing that holds it back offers one.
  localparam int unsigned MaxStall   = 8 + Columns / Lanes;
  localparam int unsigned CmdBits = 2 + AddrBits + CountBits + RowBits + 2 + 2 + 2 + 1;
  typedef logic [PlaceBits-1:0]    place_t;
  typedef logic [BeatAddrBits-1:0] beat_addr_t;
  typedef logic [WordBits-1:0]     word_t;
  typedef logic [WritesBits-1:0]   writes_t;

  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  tern_pkg::store_cmd_t cmd;
  logic [CmdBits-1:0]   packed_cmd;
  logic [AddrBits-1:0]  addr;
  assign addr = code_i ? addr_i : {addr_i[AddrBits-1:2], 2'b00};
  assign packed_cmd = {code_i, scatter_i, addr, count_i, rows_i, src_i, src_stride_i,
                       beat_stride_i, row_stride_i};
  always_comb begin
    cmd             = '0;
    cmd.opcode      = tern_pkg::ChipOpcodeStore;
    cmd.format      = code_i;
    cmd.scatter     = scatter_i;
    cmd.addr_low    = 32'(addr);
    cmd.count       = 16'(count_i) + 16'd1;
    cmd.rows        = 12'(rows_i) + 12'd1;
    cmd.src         = 20'(src_i);
    cmd.src_stride  = 16'(src_stride_i);
    cmd.beat_stride = 16'(beat_stride_i);
    cmd.row_stride  = 32'(row_stride_i);
  end

  logic                 idle, error, done, beat, cmd_valid, cmd_ready;
  logic                 rd_valid, rd_data_valid;
  logic [19:0]          rd_addr;
  logic [32*Lanes-1:0]  rd_data;
  logic                 aw_valid, w_valid, w_last, b_valid, b_ready;
  logic [AddrBits-1:0]  aw_addr;
  logic [7:0]           aw_len;
  logic [8*Columns-1:0] w_data;
  logic [Columns-1:0]   w_strb, w_parity;

  store_unit #(
    .Cfg       (Cfg),
    .AddrBits  (AddrBits),
    .MaxWrites (MaxWrites),
    .Lines     (Lines)
  ) dut (
    .clk_i,
    .rst_ni,
    .stop_i,
    .idle_o          (idle),
    .error_o         (error),
    .done_o          (done),
    .beat_o          (beat),
    .cmd_valid_i     (cmd_valid),
    .cmd_ready_o     (cmd_ready),
    .cmd_i           (cmd),
    .rd_valid_o      (rd_valid),
    .rd_ready_i,
    .rd_addr_o       (rd_addr),
    .rd_data_valid_i (rd_data_valid),
    .rd_data_i       (rd_data),
    .aw_valid_o      (aw_valid),
    .aw_ready_i,
    .aw_addr_o       (aw_addr),
    .aw_len_o        (aw_len),
    .w_valid_o       (w_valid),
    .w_ready_i,
    .w_data_o        (w_data),
    .w_strb_o        (w_strb),
    .w_parity_o      (w_parity),
    .w_last_o        (w_last),
    .b_valid_i       (b_valid),
    .b_ready_o       (b_ready),
    .b_resp_i
  );

  logic take, aw_accept, w_accept, b_accept;
  assign take      = cmd_valid && cmd_ready;
  assign aw_accept = aw_valid && aw_ready_i;
  assign w_accept  = w_valid && w_ready_i;
  assign b_accept  = b_valid && b_ready;

  // The scratchpad: a read is answered two cycles later, with zeros but for the marked byte.
  word_t              marked_word_q;
  logic [1:0]         marked_byte_q;
  logic [1:0]         read_q;
  logic [Lanes-1:0]   hit_1_q, hit_2_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      marked_word_q <= marked_word_i;
      marked_byte_q <= marked_byte_i;
    end
    for (int i = 0; i < Lanes; i++) hit_1_q[i] <= rd_addr + 20'(i) == 20'(marked_word_q);
    hit_2_q <= hit_1_q;
  end
  assign rd_data_valid = read_q[1];
  always_comb begin
    rd_data = '0;
    for (int i = 0; i < Lanes; i++) begin
      if (hit_2_q[i]) rd_data[32*i +: 32] = 32'd255 << {marked_byte_q, 3'd0};
    end
  end

  // The walker: the command with the oldest beat that has not been written, its row, and its beat:
  // the address, the place and the word of its first element, the elements of the row from there
  // on, and whether its address and its data have been taken. The next command waits.
  logic                 next_valid_q, valid_q;
  logic [CmdBits-1:0]   next_q;
  logic                 next_code, next_scatter;
  logic [AddrBits-1:0]  next_addr;
  logic [CountBits-1:0] next_count;
  logic [RowBits-1:0]   next_rows;
  logic [1:0]           next_src, next_src_stride, next_beat_stride;
  logic                 next_row_stride;
  place_t               next_first;
  logic                 code_q, scatter_q, aw_taken_q, w_taken_q;
  logic [CountBits:0]   count_q, left_q;
  logic [RowBits-1:0]   rows_q;
  logic [1:0]           src_stride_q, beat_stride_q;
  logic                 row_stride_q;
  place_t               first_q, place_q, full, elements;
  beat_addr_t           row_beat_q, beat_q, next_row_beat;
  word_t                row_word_q, word_q;
  logic                 ends_row, ends_cmd, written, load;

  assign {next_code, next_scatter, next_addr, next_count, next_rows, next_src, next_src_stride,
          next_beat_stride, next_row_stride} = next_q;
  assign next_first = next_code ? {1'b0, next_addr[ByteBits-1:0]} :
                                  {1'b0, next_addr[ByteBits-1:0]} >> 2;
  assign cmd_valid  = rst_ni && cmd_valid_i && !next_valid_q;

  assign full     = code_q ? PlaceBits'(Columns) : PlaceBits'(Columns / 4);
  assign elements = scatter_q ? PlaceBits'(1) :
                    32'(left_q) < 32'(full - place_q) ? PlaceBits'(left_q) : full - place_q;
  assign ends_row = 32'(left_q) == 32'(elements);
  assign ends_cmd = ends_row && rows_q == '0;
  assign written  = valid_q && (aw_taken_q || aw_accept) && (w_taken_q || w_accept);
  assign load     = next_valid_q && (!valid_q || (written && ends_cmd));
  assign next_row_beat = row_beat_q + (BeatAddrBits'(row_stride_q) << UnitBits);

  // What the beat must be.
  logic [Columns-1:0]   strobe;
  logic [8*Columns-1:0] data;
  always_comb begin
    strobe = '0;
    data   = '0;
    for (int c = 0; c < Columns; c++) begin
      if ((code_q ? c : c / 4) >= 32'(place_q) &&
          (code_q ? c : c / 4) < 32'(place_q) + 32'(elements)) begin
        strobe[c] = 1'b1;
        if (word_q + WordBits'((code_q ? c : c / 4) - 32'(place_q)) == marked_word_q &&
            marked_byte_q == (code_q ? 2'd0 : 2'(c % 4))) begin
          data[8*c +: 8] = 8'd255;
        end
        if (code_q) data[8*c +: 8] = data[8*c +: 8] + 8'd121;
      end
    end
  end

  // The memory: writes without an answer, of which the address or the data have been taken.
  writes_t announced_q, moved_q, whole;
  assign whole   = announced_q < moved_q ? announced_q : moved_q;
  assign b_valid = rst_ni && answer_i && whole != '0;

  // The tracked write: whether it ends its command, and the answers that come before its own.
  logic    tracked_q, ends_command_q, track;
  writes_t ahead_q;
  assign track = aw_accept && pick_i && !tracked_q;

  logic                aw_waits_q, w_waits_q, b_waits_q, rd_waits_q, idle_q, stop_q, stopped_q;
  logic [AddrBits-1:0] aw_waiting_q;
  logic [19:0]         rd_waiting_q;
  logic [1:0]          stop_writes_q;
  logic [4:0]          stall_q;
  logic                stalls;
  assign stalls = valid_q && !aw_valid && !w_valid && !(rd_valid && !rd_ready_i) &&
                  32'(announced_q) < MaxWrites;

  // Only for the cover points: what a run has seen.
  logic merged_q, two_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_q        <= '0;
      next_valid_q  <= 1'b0;
      valid_q       <= 1'b0;
      aw_taken_q    <= 1'b0;
      w_taken_q     <= 1'b0;
      announced_q   <= '0;
      moved_q       <= '0;
      tracked_q     <= 1'b0;
      aw_waits_q    <= 1'b0;
      w_waits_q     <= 1'b0;
      b_waits_q     <= 1'b0;
      rd_waits_q    <= 1'b0;
      idle_q        <= 1'b0;
      stop_q        <= 1'b0;
      stopped_q     <= 1'b0;
      stop_writes_q <= '0;
      stall_q       <= '0;
      merged_q      <= 1'b0;
      two_q         <= 1'b0;
    end else begin
      read_q <= {read_q[0], rd_valid && rd_ready_i};

      if (take) begin
        next_valid_q <= 1'b1;
        next_q       <= packed_cmd;
      end else if (load) begin
        next_valid_q <= 1'b0;
      end
      if (load) begin
        valid_q       <= 1'b1;
        code_q        <= next_code;
        scatter_q     <= next_scatter;
        count_q       <= {1'b0, next_count} + 1'b1;
        left_q        <= {1'b0, next_count} + 1'b1;
        rows_q        <= next_rows;
        src_stride_q  <= next_src_stride;
        beat_stride_q <= next_beat_stride;
        row_stride_q  <= next_row_stride;
        first_q       <= next_first;
        place_q       <= next_first;
        row_beat_q    <= next_addr[AddrBits-1:ByteBits];
        beat_q        <= next_addr[AddrBits-1:ByteBits];
        row_word_q    <= WordBits'(next_src);
        word_q        <= WordBits'(next_src);
      end else if (written) begin
        if (ends_cmd) begin
          valid_q <= 1'b0;
        end else if (ends_row) begin
          rows_q     <= rows_q - 1'b1;
          left_q     <= count_q;
          place_q    <= first_q;
          row_beat_q <= next_row_beat;
          beat_q     <= next_row_beat;
          row_word_q <= row_word_q + WordBits'(src_stride_q);
          word_q     <= row_word_q + WordBits'(src_stride_q);
        end else begin
          left_q  <= left_q - (CountBits + 1)'(elements);
          place_q <= scatter_q ? first_q : '0;
          beat_q  <= beat_q + BeatAddrBits'(beat_stride_q);
          word_q  <= word_q + WordBits'(elements);
        end
      end
      aw_taken_q <= !written && (aw_taken_q || aw_accept);
      w_taken_q  <= !written && (w_taken_q || w_accept);

      announced_q <= announced_q + WritesBits'(aw_accept) - WritesBits'(b_accept);
      moved_q     <= moved_q + WritesBits'(w_accept) - WritesBits'(b_accept);
      if (track) begin
        tracked_q      <= 1'b1;
        ends_command_q <= ends_cmd;
        ahead_q        <= announced_q - WritesBits'(b_accept);
      end else if (tracked_q && b_accept) begin
        ahead_q <= ahead_q - 1'b1;
        if (ahead_q == '0) tracked_q <= 1'b0;
      end

      aw_waits_q    <= aw_valid && !aw_ready_i;
      aw_waiting_q  <= aw_addr;
      w_waits_q     <= w_valid && !w_ready_i;
      b_waits_q     <= b_valid && !b_ready;
      rd_waits_q    <= rd_valid && !rd_ready_i;
      rd_waiting_q  <= rd_addr;
      idle_q        <= idle;
      stop_q        <= stop_i;
      stopped_q     <= stopped_q || stop_i;
      stop_writes_q <= !stop_i ? '0 : stop_writes_q + 2'(written && !(&stop_writes_q));
      stall_q       <= stalls ? stall_q + 1'b1 : '0;

      merged_q <= merged_q || (written && !scatter_q && 32'(elements) > Lanes);
      two_q    <= two_q || (written && ends_row && !ends_cmd);
    end
  end

  logic even;  // a byte with its parity
  always_comb begin
    even = 1'b0;
    for (int c = 0; c < Columns; c++) even = even | ~^{w_data[8*c +: 8], w_parity[c]};
  end

  always_comb begin
    if (rst_ni) begin
      // What is offered holds until it is taken; what the data are follows from the walker.
      if (aw_waits_q) assert (aw_valid && aw_addr == aw_waiting_q);
      if (w_waits_q) assert (w_valid);
      if (rd_waits_q) assert (rd_valid && rd_addr == rd_waiting_q);

      // Each beat once, in order, at its address, with its elements and no other bytes.
      if (aw_valid) begin
        assert (valid_q && !aw_taken_q);
        assert (aw_addr == {beat_q, {ByteBits{1'b0}}});
        assert (aw_len == 8'd0);
      end
      if (w_valid) begin
        assert (valid_q && !w_taken_q);
        assert (w_strb == strobe);
        assert (w_data == data);
        assert (w_last && !even);
        assert (aw_taken_q || aw_valid);
      end
      assert (beat == w_accept);

      // Progress: a beat comes unless reads or unanswered writes hold it back.
      if (!stopped_q) assert (32'(stall_q) <= MaxStall);

      // Answers: each one is taken a cycle later at the latest, none is awaited beyond MaxWrites,
      // and done marks exactly those that end a command.
      if (b_waits_q && b_valid) assert (b_ready);
      assert (32'(announced_q) <= MaxWrites);
      if (done || error) assert (b_accept);
      assert (error == (b_accept && b_resp_i != 2'b00));
      if (tracked_q && b_accept && ahead_q == '0) assert (done == ends_command_q);

      // Stop: no command, one more write at the most, then idle for good.
      if (stop_i) assert (!take);
      assert (stop_writes_q <= 2'd1);
      if (stop_q && idle_q) assert (idle);
      assert (idle == (!aw_valid && !w_valid && !aw_taken_q && !w_taken_q && announced_q == '0));

      cover (merged_q && done && b_resp_i == 2'b10);
      cover (two_q && written && ends_cmd);
      cover (written && load);
      cover (32'(announced_q) == MaxWrites && valid_q && !aw_valid);
      cover (moved_q > announced_q);
      cover (stop_writes_q == 2'd1 && idle && valid_q);
      cover (w_accept && w_data != '0 && !code_q && !scatter_q && left_q > 1);
      cover (tracked_q && b_accept && ahead_q == '0 && !ends_command_q && announced_q > 1);
    end
  end
endmodule
