// SPDX-License-Identifier: Apache-2.0
/// Executes STORE commands: scratchpad words to memory, as AXI4 writes of single beats with byte
/// strobes.
///
/// Commands come in order (`cmd_*`), already checked. The elements of a row are read from the
/// scratchpad (`rd_*`; data two cycles after acceptance, in order) in lines of up to Lanes, each
/// element once, and go out as one beat for all elements of a row that share it. Bytes that are not
/// written are 0 and have no strobe. A beat leaves in every cycle if the bus takes it and one line
/// holds what it needs. Address and data of a beat are taken in any order; up to MaxWrites writes
/// wait for their response. `done_o` pulses with the last response of a command. A response other
/// than OKAY pulses `error_o`. `beat_o` is high in each cycle that moves a beat. Bit i of `w_parity_o`
/// makes the number of ones in byte i and itself odd.
///
/// While `stop_i` is high no command is taken and no beat offered that was not offered before;
/// `idle_o` tells that no write is offered or unanswered, so that a stopped unit may be reset.
module store_unit #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter int unsigned AddrBits  = tern_pkg::AddrBits,
  parameter int unsigned MaxWrites = 16,
  parameter int unsigned Lines     = 8,   // lines read ahead
  localparam int unsigned Columns  = Cfg.columns,
  localparam int unsigned Lanes    = Cfg.lanes
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         stop_i,
  output logic                         idle_o,
  output logic                         error_o,
  output logic                         done_o,
  output logic                         beat_o,

  input  logic                         cmd_valid_i,
  output logic                         cmd_ready_o,
  input  logic [tern_pkg::CmdBits-1:0] cmd_i,

  output logic                         rd_valid_o,
  input  logic                         rd_ready_i,
  output logic [19:0]                  rd_addr_o,
  input  logic                         rd_data_valid_i,
  input  logic [32*Lanes-1:0]          rd_data_i,

  output logic                         aw_valid_o,
  input  logic                         aw_ready_i,
  output logic [AddrBits-1:0]          aw_addr_o,
  output logic [7:0]                   aw_len_o,
  output logic                         w_valid_o,
  input  logic                         w_ready_i,
  output logic [8*Columns-1:0]         w_data_o,
  output logic [Columns-1:0]           w_strb_o,
  output logic [Columns-1:0]           w_parity_o,
  output logic                         w_last_o,
  input  logic                         b_valid_i,
  output logic                         b_ready_o,
  input  logic [1:0]                   b_resp_i
);
  localparam int unsigned ByteBits  = $clog2(Columns);
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits;
  localparam int unsigned LaneBits  = $clog2(Lanes);
  localparam int unsigned CountBits = LaneBits + 1;
  localparam int unsigned UnitBits  = $clog2(tern_pkg::AddrUnit) - ByteBits;
  // Elements of a line or a beat, and where they start.
  localparam int unsigned PlaceBits = (ByteBits > LaneBits ? ByteBits : LaneBits) + 1;
  localparam int unsigned MetaBits  = CountBits + 2;

  typedef logic [CountBits-1:0]     count_t;
  typedef logic [PlaceBits-1:0]     place_t;
  typedef logic [BeatAddrBits-1:0]  beat_addr_t;

  tern_pkg::store_cmd_t cmd;
  logic                 start;
  // The command: its elements are bytes, start at element first_q of a beat, fill full_q of one.
  logic                 active_q, code_q, scatter_q;
  logic [15:0]          row_count_q, src_stride_q, beat_stride_q;
  logic [31:0]          row_stride_q;
  place_t               first_q, full_q;
  logic [ByteBits-1:0]  start_byte;

  assign cmd         = cmd_i;
  assign cmd_ready_o = !active_q && !stop_i;
  assign start       = cmd_valid_i && cmd_ready_o;
  assign start_byte  = cmd.addr_low[ByteBits-1:0];

  // Read: a line ends at the end of a row, and, packed, where a beat ends and the next line can fill
  // whole beats.
  logic                 reading_q, row_start_q;
  logic [11:0]          rows_left_q;            // after this one
  logic [15:0]          left_q;                 // elements of the row
  logic [19:0]          row_src_q, src_q;
  count_t               line, line_most, skew;
  logic                 line_ends_row, line_ends_cmd, read, reserve_ready;
  logic [CountBits+1:0] meta, meta_1_q, meta_2_q;

  assign skew          = row_start_q && !scatter_q ? {1'b0, first_q[LaneBits-1:0]} : '0;
  assign line_most     = CountBits'(Lanes) - skew;
  assign line_ends_row = left_q <= 16'(line_most);
  assign line          = line_ends_row ? left_q[CountBits-1:0] : line_most;
  assign line_ends_cmd = line_ends_row && rows_left_q == '0;
  assign rd_valid_o    = reading_q && reserve_ready;
  assign rd_addr_o     = src_q;
  assign read          = rd_valid_o && rd_ready_i;
  assign meta          = {line_ends_cmd, line_ends_row, line};

  // Lines: a place in the FIFO is reserved with each read.
  localparam int unsigned UsageBits = $clog2(Lines + 1);
  logic [UsageBits-1:0] free_q;
  logic                 line_valid, line_pop, unused_line_ready;
  logic [32*Lanes-1:0]  line_words;
  logic                 row_ends_line, cmd_ends_line;
  count_t               line_count;
  logic [UsageBits-1:0] unused_usage;

  assign reserve_ready = free_q != '0;

  fifo #(.Width(MetaBits + 32 * Lanes), .Depth(Lines)) u_lines (
    .clk_i,
    .rst_ni,
    .wr_valid_i (rd_data_valid_i),
    .wr_ready_o (unused_line_ready),
    .wr_data_i  ({meta_2_q, rd_data_i}),
    .rd_valid_o (line_valid),
    .rd_ready_i (line_pop),
    .rd_data_o  ({cmd_ends_line, row_ends_line, line_count, line_words}),
    .usage_o    (unused_usage)
  );

  // Place: the elements of a line that belong to the beat, turned to where they go.
  beat_addr_t           row_beat_q, beat_q, next_row_beat;
  place_t               offset_q, room, taken, next_offset;
  count_t               done_q, line_left;
  logic                 step, line_ends, row_ends, beat_ends, cmd_ends;
  logic [LaneBits-1:0]  turn;
  logic [32*Lanes-1:0]  turned;
  logic [Columns-1:0]   strobe;

  assign line_left   = line_count - done_q;
  assign room        = scatter_q ? PlaceBits'(1) : full_q - offset_q;
  assign line_ends   = PlaceBits'(line_left) <= room;
  assign taken       = line_ends ? PlaceBits'(line_left) : room;
  assign next_offset = offset_q + taken;
  assign row_ends    = line_ends && row_ends_line;
  assign cmd_ends    = row_ends && cmd_ends_line;
  assign beat_ends   = row_ends || scatter_q || next_offset == full_q;
  assign line_pop    = step && line_ends;
  assign turn        = done_q[LaneBits-1:0] - offset_q[LaneBits-1:0];

  assign next_row_beat = row_beat_q + (BeatAddrBits'(row_stride_q) << UnitBits);

  // Element i of the turned line goes to every place that is i modulo Lanes.
  always_comb begin
    turned = line_words;
    for (int unsigned k = 0; k < LaneBits; k++) begin
      if (turn[k]) turned = (turned >> (32 << k)) | (turned << (32 * Lanes - (32 << k)));
    end
    for (int unsigned c = 0; c < Columns; c++) begin
      strobe[c] = code_q ? PlaceBits'(c) >= offset_q && PlaceBits'(c) < next_offset
                         : PlaceBits'(c / 4) >= offset_q && PlaceBits'(c / 4) < next_offset;
    end
  end

  // Merge: placed elements into the beat that is offered when it is complete.
  logic                 placed_q, placed_code_q, placed_ends_q, placed_last_q;
  logic [32*Lanes-1:0]  placed_words_q;
  logic [Columns-1:0]   placed_strobe_q;
  beat_addr_t           placed_beat_q;
  logic                 merge, complete_q, last_q, aw_sent_q, w_sent_q, sent;
  logic                 aw_accept, w_accept;
  logic [8*Columns-1:0] placed_data, data_q;
  logic [Columns-1:0]   strobe_q;
  beat_addr_t           addr_q;
  logic                 flag_wr_ready, flag_rd_valid, flag_ends_command, b_accept;
  logic [$clog2(MaxWrites+1)-1:0] unanswered;

  assign step = line_valid && (!placed_q || merge);
  assign sent = (aw_sent_q || aw_accept) && (w_sent_q || w_accept);
  assign merge = placed_q && (!complete_q || sent) && !stop_i;

  for (genvar c = 0; c < Columns; c++) begin : gen_byte
    logic [7:0] word_byte, code_byte;
    assign word_byte = placed_words_q[32*((c / 4) % Lanes) + 8*(c % 4) +: 8];
    assign code_byte = placed_words_q[32*(c % Lanes) +: 8] + 8'(tern_pkg::ValueMax);
    assign placed_data[8*c +: 8] = placed_code_q ? code_byte : word_byte;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q   <= 1'b0;
      reading_q  <= 1'b0;
      free_q     <= UsageBits'(Lines);
      placed_q   <= 1'b0;
      complete_q <= 1'b0;
      aw_sent_q  <= 1'b0;
      w_sent_q   <= 1'b0;
      strobe_q   <= '0;
    end else begin
      if (start) begin
        active_q  <= 1'b1;
        reading_q <= 1'b1;
      end else begin
        if (step && cmd_ends)      active_q  <= 1'b0;
        if (read && line_ends_cmd) reading_q <= 1'b0;
      end
      free_q <= free_q + UsageBits'(line_pop) - UsageBits'(read);
      if (step)       placed_q <= 1'b1;
      else if (merge) placed_q <= 1'b0;

      if (merge) begin
        complete_q <= placed_ends_q;
        strobe_q   <= (complete_q ? '0 : strobe_q) | placed_strobe_q;
        aw_sent_q  <= 1'b0;
        w_sent_q   <= 1'b0;
      end else if (sent && complete_q) begin
        complete_q <= 1'b0;
        strobe_q   <= '0;
        aw_sent_q  <= 1'b0;
        w_sent_q   <= 1'b0;
      end else begin
        if (aw_accept) aw_sent_q <= 1'b1;
        if (w_accept)  w_sent_q  <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      code_q        <= cmd.format == tern_pkg::StoreFormatCode;
      scatter_q     <= cmd.scatter;
      row_count_q   <= cmd.count;
      src_stride_q  <= cmd.src_stride;
      beat_stride_q <= cmd.beat_stride;
      row_stride_q  <= cmd.row_stride;
      if (cmd.format == tern_pkg::StoreFormatCode) begin
        first_q  <= PlaceBits'(start_byte);
        offset_q <= PlaceBits'(start_byte);
        full_q   <= PlaceBits'(Columns);
      end else begin
        first_q  <= PlaceBits'(start_byte) >> 2;
        offset_q <= PlaceBits'(start_byte) >> 2;
        full_q   <= PlaceBits'(Columns / 4);
      end
      rows_left_q <= cmd.rows - 12'd1;
      left_q      <= cmd.count;
      row_src_q   <= cmd.src;
      src_q       <= cmd.src;
      row_start_q <= 1'b1;
      row_beat_q  <= BeatAddrBits'({cmd.addr_high, cmd.addr_low} >> ByteBits);
      beat_q      <= BeatAddrBits'({cmd.addr_high, cmd.addr_low} >> ByteBits);
      done_q      <= '0;
    end
    if (read) begin
      row_start_q <= line_ends_row;
      if (line_ends_row) begin
        rows_left_q <= rows_left_q - 1'b1;
        left_q      <= row_count_q;
        row_src_q   <= row_src_q + 20'(src_stride_q);
        src_q       <= row_src_q + 20'(src_stride_q);
      end else begin
        left_q <= left_q - 16'(line);
        src_q  <= src_q + 20'(line);
      end
    end
    meta_1_q <= meta;
    meta_2_q <= meta_1_q;
    if (step) begin
      done_q <= line_ends ? '0 : done_q + CountBits'(taken);
      if (row_ends) begin
        offset_q   <= first_q;
        row_beat_q <= next_row_beat;
        beat_q     <= next_row_beat;
      end else if (beat_ends) begin
        offset_q <= scatter_q ? first_q : '0;
        beat_q   <= beat_q + BeatAddrBits'(beat_stride_q);
      end else begin
        offset_q <= next_offset;
      end
      placed_words_q  <= turned;
      placed_strobe_q <= strobe;
      placed_beat_q   <= beat_q;
      placed_code_q   <= code_q;
      placed_ends_q   <= beat_ends;
      placed_last_q   <= cmd_ends;
    end
    if (merge) begin
      addr_q <= placed_beat_q;
      last_q <= placed_last_q;
      for (int unsigned c = 0; c < Columns; c++) begin
        if (placed_strobe_q[c]) data_q[8*c +: 8] <= placed_data[8*c +: 8];
        else if (complete_q || strobe_q == '0) data_q[8*c +: 8] <= '0;
      end
    end
  end

  // Data may be taken before the address; no response is awaited without a place for it.
  assign aw_valid_o = complete_q && !aw_sent_q && flag_wr_ready;
  assign aw_addr_o  = {addr_q, ByteBits'(0)};
  assign aw_len_o   = '0;
  assign aw_accept  = aw_valid_o && aw_ready_i;
  assign w_valid_o  = complete_q && !w_sent_q && (aw_sent_q || flag_wr_ready);
  assign w_data_o   = data_q;
  assign w_strb_o   = strobe_q;
  assign w_last_o   = 1'b1;
  assign w_accept   = w_valid_o && w_ready_i;
  assign beat_o     = w_accept;
  for (genvar c = 0; c < Columns; c++) begin : gen_parity
    assign w_parity_o[c] = ~^data_q[8*c +: 8];
  end

  // One entry for each write without a response: whether it is the last of its command.
  fifo #(.Width(1), .Depth(MaxWrites)) u_writes (
    .clk_i,
    .rst_ni,
    .wr_valid_i (aw_accept),
    .wr_ready_o (flag_wr_ready),
    .wr_data_i  (last_q),
    .rd_valid_o (flag_rd_valid),
    .rd_ready_i (b_accept),
    .rd_data_o  (flag_ends_command),
    .usage_o    (unanswered)
  );

  assign b_ready_o = flag_rd_valid;
  assign b_accept  = b_valid_i && b_ready_o;
  assign done_o    = b_accept && flag_ends_command;
  assign error_o   = b_accept && b_resp_i != 2'b00;
  assign idle_o    = !complete_q && unanswered == '0;

  // Fields for those who issue the command.
  logic unused_signals;
  assign unused_signals = ^{cmd.opcode, cmd.reserved0, cmd.reserved1, cmd.reserved2, cmd.wait_load,
                            cmd.wait_matmul, cmd.wait_vector, cmd.wait_store, unused_usage,
                            unused_line_ready, placed_words_q};

`ifndef SYNTHESIS
  initial begin
    if (Columns > tern_pkg::AddrUnit || Columns < 4 || 1 << ByteBits != Columns ||
        Lanes < 2 || 1 << LaneBits != Lanes) begin
      $fatal(1, "store_unit: %0d columns, %0d lanes", Columns, Lanes);
    end
  end

  handshake_checker #(.Width(tern_pkg::CmdBits)) u_check_command (
    .clk_i, .rst_ni,
    .valid_i (cmd_valid_i),
    .ready_i (cmd_ready_o),
    .data_i  (cmd_i)
  );
  handshake_checker #(.Width(20)) u_check_read (
    .clk_i, .rst_ni,
    .valid_i (rd_valid_o),
    .ready_i (rd_ready_i),
    .data_i  (rd_addr_o)
  );
  handshake_checker #(.Width(AddrBits)) u_check_aw (
    .clk_i, .rst_ni,
    .valid_i (aw_valid_o),
    .ready_i (aw_ready_i),
    .data_i  (aw_addr_o)
  );
  handshake_checker #(.Width(10*Columns)) u_check_w (
    .clk_i, .rst_ni,
    .valid_i (w_valid_o),
    .ready_i (w_ready_i),
    .data_i  ({w_data_o, w_strb_o, w_parity_o})
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (start) begin
        AssertHasWork: assert (cmd.count != '0 && cmd.rows != '0 && cmd.beat_stride != '0);
        AssertAligned: assert (cmd.format == tern_pkg::StoreFormatCode ||
                               cmd.addr_low[1:0] == 2'b00);
      end
      AssertLineHasRoom: assert (!rd_data_valid_i || unused_line_ready);
    end
  end
`endif
endmodule
