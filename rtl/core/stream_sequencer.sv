/// Walks through the beats of the commands, in order: where each one goes, and what it stands for.
///
/// A LOAD_ACT takes its beats into the activation buffer (`act_write_o`). A MATMUL hands each beat
/// to the array (`matmul_o`, with `mask_o` and `tag_o`) and reads its activations at the same time.
/// Order of a MATMUL's beats: row block, column tile, plane, stripe. A row block waits for free
/// accumulators: one half of the entries if it fits in a half, so that the other half can drain,
/// else all of them. With its last beat it is handed on (`block_valid_o`); `release_i` gives halves
/// back. At most two blocks are handed on and not released.
///
/// `beat_last_i` must be high in the last beat of each command and no other, or the sequencer stops
/// for good with `shape_error_o`; the beat that shows the error completes nothing. `load_done_o`
/// pulses with the last beat of a LOAD_ACT. Commands are legal: fields in range, blocks no larger
/// than the accumulators, value blocks multiples of five rows where there is more than one.
module stream_sequencer #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned AccDepth    = 52,
  parameter int unsigned ActDepth    = 256,
  localparam int unsigned TileBits   = $clog2(ActDepth)
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic                              cmd_valid_i,
  output logic                              cmd_ready_o,
  input  tern_pkg::cmd_t                    cmd_i,

  input  logic                              beat_valid_i,
  output logic                              beat_ready_o,
  input  logic                              beat_last_i,

  output logic                              act_write_o,
  output logic [TileBits-1:0]               act_tile_o,
  output logic [engine_pkg::ColumnBits-1:0] act_column_o,

  output logic                              matmul_o,
  output logic [Columns-1:0]                mask_o,
  output engine_pkg::beat_tag_t             tag_o,

  output logic                              block_valid_o,
  output engine_pkg::block_t                block_o,
  input  logic [1:0]                        release_i,

  output logic                              load_done_o,
  output logic                              stall_read_o,
  output logic                              stall_drain_o,
  output logic                              busy_o,
  output logic                              shape_error_o
);
  localparam int unsigned ByteBits    = $clog2(Columns);
  localparam int unsigned RowBits     = engine_pkg::RowBits;
  localparam int unsigned EntryBits   = engine_pkg::EntryBits;
  localparam int unsigned HalfEntries = AccDepth / 2;

  typedef logic [TileBits-1:0]               tile_t;
  typedef logic [RowBits-1:0]                row_t;
  typedef logic [EntryBits-1:0]              entry_t;
  typedef logic [engine_pkg::ColumnBits-1:0] column_t;

  typedef enum logic [1:0] {StIdle, StLoad, StMatmul, StStopped} state_e;

  state_e             state_q;
  // The command.
  logic               value_q;
  logic [2:0]         last_plane_q;
  column_t            columns_q;
  tile_t              last_tile_q;
  logic [Columns-1:0] tail_mask_q;
  row_t               max_block_q;
  logic [7:0]         tag_q;
  logic [31:0]        result_q;
  logic               slot_q;
  logic               first_beat_q, first_block_q;
  logic [31:0]        stripes_left_q, rows_left_q;  // after the open block
  // The next block, planned ahead: stripes, rows, and whether it fits in half of the accumulators.
  logic               plan_valid_q, plan_half_q;
  row_t               plan_stripes_q, plan_rows_q;
  // The open block.
  logic               open_q;
  row_t               last_stripe_q, rows_q;
  logic [1:0]         halves_q;
  entry_t             base_q;
  // The place in the command.
  row_t               stripe_q;
  logic [2:0]         plane_q;
  tile_t              tile_q;
  column_t            column_q;  // of a LOAD_ACT
  entry_t             entry_q;
  logic [4:0]         bank_q;    // one-hot, value layout
  // Accumulator halves in use, and the half for the next block that needs one.
  logic [1:0]         in_use_q;
  logic               next_half_q;

  logic    start, accept, tile_ends, stripe_ends, plane_ends, block_ends, command_ends;
  logic    grant, open, close;
  logic [1:0] open_halves;
  logic    plan_half;
  row_t    plan_stripes, plan_rows;
  logic    row_live;
  logic [31:0] last_col, value_rows;

  assign cmd_ready_o  = state_q == StIdle;
  assign start        = cmd_valid_i && cmd_ready_o;
  assign beat_ready_o = state_q == StLoad || (state_q == StMatmul && open_q);
  assign accept       = beat_valid_i && beat_ready_o;

  assign tile_ends    = tile_q == last_tile_q;
  assign stripe_ends  = stripe_q == last_stripe_q;
  assign plane_ends   = plane_q == last_plane_q;
  assign block_ends   = tile_ends && stripe_ends && plane_ends;
  assign command_ends = state_q == StLoad ? tile_ends && column_q == columns_q - 1'b1
                                          : block_ends && stripes_left_q == '0;

  // Row blocks: plan, open, close.
  assign plan_stripes = stripes_left_q < 32'(max_block_q) ? RowBits'(stripes_left_q) : max_block_q;
  assign plan_rows    = value_q ? plan_stripes : plan_stripes + (plan_stripes << 2);
  assign plan_half    = 32'(plan_rows) <= 5 * HalfEntries;
  assign grant        = plan_half_q ? !in_use_q[next_half_q] : in_use_q == '0;
  assign close        = accept && state_q == StMatmul && block_ends;
  assign open         = state_q == StMatmul && plan_valid_q && (!open_q || close) && grant;
  assign open_halves  = !plan_half_q ? 2'b11 : next_half_q ? 2'b10 : 2'b01;

  assign last_col   = cmd_i.cols - 32'd1;
  assign value_rows = cmd_i.rows < cmd_i.stripes ? cmd_i.rows : cmd_i.stripes;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= StIdle;
      open_q        <= 1'b0;
      plan_valid_q  <= 1'b0;
      in_use_q      <= '0;
      next_half_q   <= 1'b0;
      slot_q        <= 1'b0;
      shape_error_o <= 1'b0;
    end else begin
      if (start) begin
        state_q <= cmd_i.opcode == tern_pkg::OpcodeLoadAct ? StLoad : StMatmul;
        if (cmd_i.opcode == tern_pkg::OpcodeMatmul) slot_q <= !slot_q;
      end
      if (accept) begin
        if (beat_last_i != command_ends) begin
          state_q       <= StStopped;
          shape_error_o <= 1'b1;
        end else if (command_ends) begin
          state_q <= StIdle;
        end
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
      value_q        <= cmd_i.layout == tern_pkg::LayoutValue;
      last_plane_q   <= cmd_i.layout == tern_pkg::LayoutValue ? 3'd0 : cmd_i.planes - 3'd1;
      columns_q      <= cmd_i.act_columns;
      last_tile_q    <= TileBits'(last_col >> ByteBits);
      for (int unsigned c = 0; c < Columns; c++) begin
        tail_mask_q[c] <= ByteBits'(c) <= last_col[ByteBits-1:0];
      end
      max_block_q    <= RowBits'(cmd_i.block);
      tag_q          <= cmd_i.tag;
      result_q       <= cmd_i.result_addr;
      stripes_left_q <= cmd_i.stripes;
      rows_left_q    <= cmd_i.layout == tern_pkg::LayoutValue ? value_rows : cmd_i.rows;
      first_beat_q   <= 1'b1;
      first_block_q  <= 1'b1;
      tile_q         <= '0;
      column_q       <= '0;
    end
    if (state_q == StMatmul && !plan_valid_q) begin
      plan_stripes_q <= plan_stripes;
      plan_rows_q    <= plan_rows;
      plan_half_q    <= plan_half;
    end
    if (accept) begin
      first_beat_q <= 1'b0;
      if (state_q == StLoad) begin
        tile_q <= tile_ends ? '0 : tile_q + 1'b1;
        if (tile_ends) column_q <= column_q + 1'b1;
      end else begin
        stripe_q <= stripe_ends ? '0 : stripe_q + 1'b1;
        if (stripe_ends) begin
          plane_q <= plane_ends ? '0 : plane_q + 1'b1;
          if (plane_ends) tile_q <= tile_ends ? '0 : tile_q + 1'b1;
        end
        if (stripe_ends) entry_q <= '0;
        else if (!value_q || bank_q[4]) entry_q <= entry_q + 1'b1;
        bank_q <= stripe_ends ? 5'b00001 : {bank_q[3:0], bank_q[4]};
        if (block_ends) first_block_q <= 1'b0;
      end
    end
    if (open) begin
      last_stripe_q  <= plan_stripes_q - 1'b1;
      rows_q         <= rows_left_q < 32'(plan_rows_q) ? RowBits'(rows_left_q) : plan_rows_q;
      halves_q       <= open_halves;
      base_q         <= plan_half_q && next_half_q ? EntryBits'(HalfEntries) : '0;
      stripes_left_q <= stripes_left_q - 32'(plan_stripes_q);
      rows_left_q    <= rows_left_q < 32'(plan_rows_q) ? '0 : rows_left_q - 32'(plan_rows_q);
      stripe_q       <= '0;
      plane_q        <= '0;
      tile_q         <= '0;
      entry_q        <= '0;
      bank_q         <= 5'b00001;
    end
  end

  assign act_write_o  = accept && state_q == StLoad;
  assign act_tile_o   = tile_q;
  assign act_column_o = column_q;

  // In the value layout a row that no result shows is masked, so that it counts no illegal codes.
  assign row_live = !value_q || stripe_q < rows_q;
  assign matmul_o = accept && state_q == StMatmul;
  assign mask_o   = (tile_ends ? tail_mask_q : {Columns{1'b1}}) & {Columns{row_live}};

  assign tag_o.block_last    = block_valid_o;
  assign tag_o.command_first = first_beat_q;
  assign tag_o.slot          = slot_q;
  assign tag_o.first         = tile_q == '0 && plane_q == '0;
  assign tag_o.value_layout  = value_q;
  assign tag_o.plane         = plane_q;
  assign tag_o.banks         = value_q ? bank_q : 5'b11111;
  assign tag_o.columns       = columns_q;
  assign tag_o.entry         = base_q + entry_q;

  assign block_valid_o      = close && beat_last_i == command_ends;
  assign block_o.first      = first_block_q;
  assign block_o.last       = command_ends;
  assign block_o.slot       = slot_q;
  assign block_o.halves     = halves_q;
  assign block_o.base       = base_q;
  assign block_o.last_entry = entry_q;
  assign block_o.rows       = rows_q;
  assign block_o.columns    = columns_q;
  assign block_o.tag        = tag_q;
  assign block_o.result_addr = result_q;

  assign load_done_o   = act_write_o && command_ends && beat_last_i;
  assign stall_read_o  = state_q == StMatmul && open_q && !beat_valid_i;
  assign stall_drain_o = state_q == StMatmul && !open_q && plan_valid_q && !grant;
  assign busy_o        = state_q != StIdle;

  // Fields that the chip's command decoder has checked.
  logic unused_cmd;
  assign unused_cmd = ^{cmd_i.reserved0, cmd_i.reserved1, cmd_i.reserved2, cmd_i.read_addr,
                        cmd_i.beats, cmd_i.opcode, cmd_i.block, last_col};

`ifndef SYNTHESIS
  initial begin
    if (AccDepth < 2 || AccDepth > 1 << EntryBits) begin
      $fatal(1, "stream_sequencer: AccDepth must be 2 to 256, is %0d", AccDepth);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && start) begin
      AssertCommandHasWork: assert (cmd_i.cols != '0 && cmd_i.act_columns != '0);
      AssertTilesFit: assert ((last_col >> ByteBits) < ActDepth);
      AssertMatmulHasWork: assert (cmd_i.opcode != tern_pkg::OpcodeMatmul ||
          (cmd_i.stripes != '0 && cmd_i.block != '0 && cmd_i.planes != '0));
    end
    if (rst_ni && open) begin
      AssertOpensFreeHalves: assert ((in_use_q & open_halves) == '0);
      AssertBlockFits: assert (32'(plan_rows_q) <= 5 * AccDepth);
    end
    if (rst_ni) AssertReleasesUsedHalves: assert ((release_i & ~in_use_q) == '0);
  end
`endif
endmodule
