// SPDX-License-Identifier: Apache-2.0
/// Walks through the beats of the commands, in order: where each one goes, and what it stands for.
///
/// A LOAD hands its beats to the loader (`load_beat_o`, taken with `load_ready_i`). A MATMUL hands
/// stripe after stripe to the array (`matmul_o`, with `mask_o`, `stripe_o` and `tag_o`) and reads
/// its activations at the same time (`act_tile_o`). Order: row block, column tile, plane, stripe; a
/// stripe is a beat. Signs: on five trees stripes come from the gearbox and take a beat unless it
/// holds enough (`signs_held_i`); on eight each beat is a step, and `stripe_o` its first stripe of
/// which no row has gone before. With group scales a block's scale words for a group come before its
/// tiles, beats that go to the scale buffer (`scale_write_o`, row `stripe_o` of it).
///
/// A row block waits for free accumulators: one half of the entries if it fits in a half, so that
/// the other half can drain, else all of them. With its last stripe it is handed on
/// (`block_valid_o`); `release_i` gives halves back. At most two blocks are handed on and not
/// released. `beat_o` tells that a MATMUL takes a beat, of whatever kind.
///
/// `beat_last_i` must be high in the last beat of each command and no other, or the sequencer stops
/// for good with `shape_error_o`; the block of the beat that shows the error is handed to no one. A
/// LOAD starts while `load_idle_i`. Commands are legal: fields in range, blocks no larger than the
/// accumulators, value blocks multiples of five rows where there is more than one, sign blocks
/// multiples of eight stripes.
module stream_sequencer #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned Columns  = Cfg.columns,
  localparam int unsigned TileBits = $clog2(Cfg.act_depth)
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              cmd_valid_i,
  output logic                              cmd_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]      cmd_i,

  input  logic                              beat_valid_i,
  output logic                              beat_ready_o,
  input  logic                              beat_last_i,

  input  logic                              load_idle_i,
  output logic                              load_start_o,
  output tern_pkg::load_cmd_t               load_cmd_o,
  output logic                              load_beat_o,
  output logic                              load_last_o,
  input  logic                              load_ready_i,

  output logic                              beat_o,
  output logic                              scale_write_o,
  input  logic                              signs_held_i,
  output logic                              matmul_o,
  output logic                              sign_o,
  output logic                              grouped_o,
  output logic [engine_pkg::RowBits-1:0]    stripe_o,
  output logic [TileBits-1:0]               act_tile_o,
  output logic [Columns-1:0]                mask_o,
  output engine_pkg::beat_tag_t             tag_o,

  output logic                              block_valid_o,
  output engine_pkg::block_t                block_o,
  input  logic [1:0]                        release_i,

  output logic                              stall_read_o,
  output logic                              stall_drain_o,
  output logic                              busy_o,
  output logic                              shape_error_o
);
  localparam int unsigned ByteBits    = $clog2(Columns);
  localparam int unsigned RowBits     = engine_pkg::RowBits;
  localparam int unsigned EntryBits   = engine_pkg::EntryBits;
  localparam int unsigned AccDepth    = Cfg.acc_depth;
  localparam int unsigned HalfEntries = AccDepth / 2;
  localparam bit          Eights      = Cfg.trees == 8;
  // Tiles of a group of 128 columns, as bits of their number; scale words of a beat, likewise.
  localparam int unsigned GroupBits   = Columns < 128 ? $clog2(128 / Columns) : 1;
  localparam int unsigned ScaleShift  = Columns > 8 ? $clog2(Columns / tern_pkg::ScaleBytes) : 0;

  typedef logic [TileBits-1:0]               tile_t;
  typedef logic [RowBits-1:0]                row_t;
  typedef logic [EntryBits-1:0]              entry_t;
  typedef logic [engine_pkg::ColumnBits-1:0] column_t;
  typedef logic [engine_pkg::WordBits-1:0]   word_t;

  typedef enum logic [1:0] {StIdle, StLoad, StMatmul, StStopped} state_e;

  state_e             state_q;
  // The command.
  logic               value_q, sign_q, grouped_q;
  logic [GroupBits-1:0] last_of_group_q;  // tile
  logic [2:0]         last_plane_q;
  column_t            columns_q;
  tile_t              last_tile_q;
  logic [Columns-1:0] tail_mask_q;
  row_t               max_block_q;
  word_t              dst_q;
  logic [engine_pkg::StrideBits-1:0] dst_stride_q;
  logic [engine_pkg::ScalarBits-1:0] max_reg_q;
  logic               first_block_q;
  logic [19:0]        stripes_left_q, rows_left_q;  // after the open block
  tile_t              first_act_q;
  // The next block, planned ahead: stripes, rows, and whether it fits in half of the accumulators.
  logic               plan_valid_q, plan_half_q;
  row_t               plan_stripes_q, plan_rows_q;
  // The open block.
  logic               open_q;
  row_t               last_stripe_q, rows_q;
  logic [1:0]         halves_q;
  entry_t             base_q;
  // The place in the command: in the scales of a group, or in its tiles.
  logic               scaling_q;
  row_t               stripe_q;
  logic [2:0]         plane_q;
  tile_t              tile_q, act_tile_q;
  logic [31:0]        load_left_q;  // beats of a LOAD after this one
  entry_t             entry_q;
  logic [4:0]         bank_q;    // one-hot, value layout
  // Accumulator halves in use, and the half for the next block that needs one.
  logic [1:0]         in_use_q;
  logic               next_half_q;

  tern_pkg::load_cmd_t   load_cmd;
  tern_pkg::matmul_cmd_t cmd;

  logic    is_load, is_value, eights, pair, start, needs_beat, accept, step, last_beat, wrong_end;
  logic    tile_ends, stripe_ends, plane_ends, group_ends, block_ends, command_ends;
  logic    grant, open, close;
  row_t    last_taking;
  logic [1:0] open_halves;
  logic    plan_half;
  row_t    plan_stripes, plan_rows;
  logic    row_live;
  logic [17:0] last_col;
  logic [19:0] value_rows;

  assign load_cmd = cmd_i;
  assign cmd      = cmd_i;
  assign is_load  = cmd.opcode == tern_pkg::ChipOpcodeLoad;
  assign is_value = cmd.layout == tern_pkg::LayoutValue;

  assign cmd_ready_o  = state_q == StIdle && (!is_load || load_idle_i);
  assign start        = cmd_valid_i && cmd_ready_o;
  assign needs_beat   = scaling_q || !(sign_q && signs_held_i);
  assign beat_ready_o = state_q == StLoad ? load_ready_i
                                          : state_q == StMatmul && open_q && needs_beat;
  assign accept       = beat_valid_i && beat_ready_o;
  // One beat of scales, or one stripe.
  assign step         = state_q == StMatmul && open_q && (beat_valid_i || !needs_beat);

  assign tile_ends    = tile_q == last_tile_q;
  // Steps of eight rows go on by 2, 2, 1, 2 and 1 of eight stripes of five.
  assign eights       = Eights && sign_q;
  assign pair         = eights && !scaling_q &&
                        (stripe_q[2:0] == 3'd0 || stripe_q[2:0] == 3'd2 || stripe_q[2:0] == 3'd5);
  assign stripe_ends  = stripe_q == (scaling_q ? last_stripe_q >> ScaleShift : last_stripe_q);
  assign plane_ends   = plane_q == last_plane_q;
  assign group_ends   = plane_ends &&
                        GroupBits'(tile_q & TileBits'(last_of_group_q)) == last_of_group_q;
  assign block_ends   = !scaling_q && tile_ends && stripe_ends && plane_ends;
  assign command_ends = state_q == StLoad ? load_left_q == '0 : block_ends && stripes_left_q == '0;

  // The last of eight stripes from the gearbox takes no beat, the one before it does.
  assign last_taking = {last_stripe_q[RowBits-1:1], last_stripe_q[0] && (Eights || !sign_q)};
  assign last_beat   = state_q == StLoad ? load_left_q == '0 :
      !scaling_q && tile_ends && plane_ends && stripe_q == last_taking && stripes_left_q == '0;
  assign wrong_end   = accept && beat_last_i != last_beat;

  // Row blocks: plan, open, close.
  assign plan_stripes = stripes_left_q < 20'(max_block_q) ? RowBits'(stripes_left_q) : max_block_q;
  assign plan_rows    = value_q ? plan_stripes : plan_stripes + (plan_stripes << 2);
  assign plan_half    = 32'(plan_rows) <= 5 * HalfEntries;
  assign grant        = plan_half_q ? !in_use_q[next_half_q] : in_use_q == '0;
  assign close        = step && block_ends;
  assign open         = state_q == StMatmul && plan_valid_q && (!open_q || close) && grant;
  assign open_halves  = !plan_half_q ? 2'b11 : next_half_q ? 2'b10 : 2'b01;

  assign last_col   = cmd.cols - 18'd1;
  assign value_rows = cmd.rows < cmd.stripes ? cmd.rows : cmd.stripes;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= StIdle;
      open_q        <= 1'b0;
      plan_valid_q  <= 1'b0;
      in_use_q      <= '0;
      next_half_q   <= 1'b0;
      shape_error_o <= 1'b0;
    end else begin
      if (start) state_q <= is_load ? StLoad : StMatmul;
      if (wrong_end) begin
        state_q       <= StStopped;
        shape_error_o <= 1'b1;
      end else if ((accept || step) && command_ends) begin
        state_q <= StIdle;
      end
      plan_valid_q <= state_q == StMatmul && stripes_left_q != '0 && !open;
      if (open) begin
        open_q <= 1'b1;
        if (plan_half_q) next_half_q <= !next_half_q;
      end else if (close) begin
        open_q <= 1'b0;
      end
      in_use_q <= (in_use_q & ~release_i) | (open ? open_halves : 2'b00);
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      value_q        <= is_value;
      sign_q         <= Cfg.sign_weights && cmd.layout == tern_pkg::LayoutSign;
      grouped_q      <= Cfg.group_scales && cmd.group != tern_pkg::GroupNone;
      last_of_group_q <= cmd.group == tern_pkg::GroupColumns64 ? {GroupBits{1'b1}} >> 1
                                                               : {GroupBits{1'b1}};
      last_plane_q   <= is_value ? 3'd0 : cmd.planes - 3'd1;
      columns_q      <= cmd.act_columns;
      last_tile_q    <= TileBits'(last_col >> ByteBits);
      for (int unsigned c = 0; c < Columns; c++) begin
        tail_mask_q[c] <= ByteBits'(c) <= last_col[ByteBits-1:0];
      end
      max_block_q    <= RowBits'(cmd.block);
      dst_q          <= cmd.dst;
      dst_stride_q   <= cmd.dst_stride;
      max_reg_q      <= cmd.max_reg;
      stripes_left_q <= cmd.stripes;
      rows_left_q    <= is_value ? value_rows : cmd.rows;
      first_block_q  <= 1'b1;
      first_act_q    <= TileBits'(cmd.act_tile);
      load_left_q    <= load_cmd.beats - 32'd1;
    end
    if (state_q == StMatmul && !plan_valid_q) begin
      plan_stripes_q <= plan_stripes;
      plan_rows_q    <= plan_rows;
      plan_half_q    <= plan_half;
    end
    if (accept && state_q == StLoad) load_left_q <= load_left_q - 1'b1;
    if (step) begin
      stripe_q <= stripe_ends ? '0 : stripe_q + (pair ? RowBits'(2) : RowBits'(1));
      if (stripe_ends) scaling_q <= grouped_q && !scaling_q && group_ends;
    end
    if (matmul_o) begin
      if (stripe_ends) begin
        plane_q <= plane_ends ? '0 : plane_q + 1'b1;
        if (plane_ends) begin
          tile_q     <= tile_q + 1'b1;
          act_tile_q <= act_tile_q + 1'b1;
        end
      end
      if (stripe_ends) entry_q <= '0;
      else if (!value_q || bank_q[4]) entry_q <= entry_q + 1'b1;
      bank_q <= stripe_ends ? 5'b00001 : {bank_q[3:0], bank_q[4]};
      if (block_ends) first_block_q <= 1'b0;
    end
    if (open) begin
      last_stripe_q  <= plan_stripes_q - 1'b1;
      rows_q         <= rows_left_q < 20'(plan_rows_q) ? RowBits'(rows_left_q) : plan_rows_q;
      halves_q       <= open_halves;
      base_q         <= plan_half_q && next_half_q ? EntryBits'(HalfEntries) : '0;
      stripes_left_q <= stripes_left_q - 20'(plan_stripes_q);
      rows_left_q    <= rows_left_q < 20'(plan_rows_q) ? '0 : rows_left_q - 20'(plan_rows_q);
      scaling_q      <= grouped_q;
      stripe_q       <= '0;
      plane_q        <= '0;
      tile_q         <= '0;
      act_tile_q     <= first_act_q;
      entry_q        <= '0;
      bank_q         <= 5'b00001;
    end
  end

  assign load_start_o = start && is_load;
  assign load_cmd_o   = load_cmd;
  assign load_beat_o  = beat_valid_i && state_q == StLoad && beat_last_i == last_beat;
  assign load_last_o  = command_ends;

  // In the value layout a row that no result shows is masked, so that it counts no illegal codes.
  assign row_live = !value_q || stripe_q < rows_q;
  assign beat_o        = accept && state_q == StMatmul;
  assign scale_write_o = beat_o && scaling_q;
  assign matmul_o      = step && !scaling_q;
  assign sign_o        = sign_q;
  assign grouped_o     = grouped_q;
  assign stripe_o      = stripe_q;
  assign act_tile_o    = act_tile_q;
  assign mask_o        = (tile_ends ? tail_mask_q : {Columns{1'b1}}) & {Columns{row_live}};

  assign tag_o.block_last   = block_valid_o;
  assign tag_o.first        = tile_q == '0 && plane_q == '0;
  assign tag_o.value_layout = value_q;
  assign tag_o.plane        = plane_q;
  assign tag_o.banks        = eights ? 8'hff : {3'b000, value_q ? bank_q : 5'b11111};
  assign tag_o.columns      = columns_q;
  assign tag_o.entry        = base_q + entry_q;

  assign block_valid_o      = close && !wrong_end;
  assign block_o.first      = first_block_q;
  assign block_o.last       = command_ends;
  assign block_o.halves     = halves_q;
  assign block_o.eights     = eights;
  assign block_o.base       = base_q;
  assign block_o.last_entry = entry_q;
  assign block_o.rows       = rows_q;
  assign block_o.columns    = columns_q;
  assign block_o.dst        = dst_q;
  assign block_o.dst_stride = dst_stride_q;
  assign block_o.max_reg    = max_reg_q;

  assign stall_read_o  = state_q == StMatmul && open_q && needs_beat && !beat_valid_i;
  assign stall_drain_o = state_q == StMatmul && !open_q && plan_valid_q && !grant;
  assign busy_o        = state_q != StIdle;

  // Fields for those who issue the command.
  logic unused_cmd;
  assign unused_cmd = ^{cmd.reserved0, cmd.reserved1, cmd.reserved2, cmd.wait_load, cmd.wait_matmul,
                        cmd.wait_vector, cmd.wait_store, cmd.read_addr, cmd.beats, cmd.block,
                        cmd.act_tile, last_col};

`ifndef SYNTHESIS
  initial begin
    if (AccDepth < 2 || AccDepth > 1 << EntryBits) begin
      $fatal(1, "stream_sequencer: acc_depth must be 2 to 256, is %0d", AccDepth);
    end
    if (Cfg.group_scales && (Columns < 8 || Columns > 64)) begin
      $fatal(1, "stream_sequencer: scales of groups need 8 to 64 columns, not %0d", Columns);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && start && is_load) begin
      AssertLoadHasWork: assert (load_cmd.beats != '0 && load_cmd.count != '0);
    end
    if (rst_ni && start && !is_load) begin
      AssertKnownCommand: assert (cmd.opcode == tern_pkg::ChipOpcodeMatmul);
      AssertMatmulHasWork: assert (cmd.cols != '0 && cmd.act_columns != '0 && cmd.rows != '0 &&
                                   cmd.stripes != '0 && cmd.block != '0 && cmd.planes != '0);
      AssertSupported: assert (Cfg.sign_weights || cmd.layout != tern_pkg::LayoutSign);
      AssertScalesSupported: assert (Cfg.group_scales || cmd.group == tern_pkg::GroupNone);
      AssertSignsFillBeats: assert (cmd.layout != tern_pkg::LayoutSign ||
                                    (cmd.stripes[2:0] == 3'd0 && cmd.block[2:0] == 3'd0));
      AssertTilesFit: assert (32'(cmd.act_tile) + (32'(last_col) >> ByteBits) < Cfg.act_depth);
    end
    if (rst_ni && open) begin
      AssertOpensFreeHalves: assert ((in_use_q & open_halves) == '0);
      AssertBlockFits: assert (32'(plan_rows_q) <= 5 * AccDepth);
    end
    if (rst_ni) AssertReleasesUsedHalves: assert ((release_i & ~in_use_q) == '0);
  end
`endif
endmodule
