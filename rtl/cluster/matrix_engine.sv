// SPDX-License-Identifier: Apache-2.0
/// Streams memory into the scratchpad, and multiplies streamed matrices of trits with the
/// activations it holds: integers, exact.
///
/// Commands LOAD and MATMUL (`cmd_*`) come in order, already checked, and so do their beats
/// (`beat_*`, Cfg.columns bytes each, `beat_last_i` with the last beat of each command). The layouts,
/// the order of the beats and the results are those of the commands' definition. One beat is taken
/// in every cycle in which there is one, except for a few cycles between commands, while both halves
/// of the accumulators wait to be drained, and while a LOAD's writes do.
///
/// Activations are written from outside (`act_*`, see activation_buffer) in any cycle. Results go to
/// the scratchpad (`res_*`) and their greatest magnitudes to the scalar registers (`max_*`, see
/// result_sink), what LOADs read goes to the scratchpad too (`load_*`, see stream_loader).
/// `matmul_done_o` and `load_done_o` pulse once for each command, in order, when all of it has been
/// written: reads accepted in a later cycle see it.
///
/// `beats_o` and `load_beats_o` tell of a beat taken in this cycle by a MATMUL and a LOAD,
/// `stall_read_o` that a MATMUL waits for a beat, `stall_drain_o` that it waits for accumulators.
/// `illegal_o` is the number of illegal codes found in this cycle. `shape_error_o` rises and stays,
/// and the engine stops, when `beat_last_i` is not where the command ends; reset recovers. FastBody
/// chooses the bodies of array and activation buffer, and nothing else.
///
/// Scales of groups (Cfg.group_scales) are beats of their own; they take one more stage before the
/// accumulators. With them come LOADs of trits, for embeddings of such models. The layout Sign
/// (Cfg.sign_weights) takes five beats in eight cycles with five trees for each activation column, and
/// one a cycle with eight, of which three rest while trits come.
module matrix_engine #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  parameter bit FastBody = 1'b0,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned ActColumns = Cfg.act_columns,
  localparam int unsigned Lanes      = Cfg.lanes,
  localparam int unsigned Trees      = Cfg.trees,
  localparam int unsigned Words      = Trees * ActColumns,
  localparam int unsigned CountBits  = $clog2(Columns) + 1,
  localparam int unsigned OffsetBits = Columns > Lanes ? $clog2(Columns / Lanes) : 1
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,

  input  logic                             cmd_valid_i,
  output logic                             cmd_ready_o,
  input  logic [tern_pkg::CmdBits-1:0]     cmd_i,

  input  logic                             beat_valid_i,
  output logic                             beat_ready_o,
  input  logic [8*Columns-1:0]             beat_data_i,
  input  logic                             beat_last_i,

  input  logic                             act_valid_i,
  input  logic [3:0]                       act_column_i,
  input  logic [11:0]                      act_tile_i,
  input  logic [OffsetBits-1:0]            act_offset_i,
  input  logic [Lanes-1:0]                 act_mask_i,
  input  logic [8*Lanes-1:0]               act_data_i,

  output logic                             res_wr_valid_o,
  input  logic                             res_wr_ready_i,
  output logic [19:0]                      res_wr_addr_o,
  output logic [Lanes-1:0]                 res_wr_mask_o,
  output logic [32*Lanes-1:0]              res_wr_data_o,

  output logic                             load_wr_valid_o,
  input  logic                             load_wr_ready_i,
  output logic [19:0]                      load_wr_addr_o,
  output logic [Lanes-1:0]                 load_wr_mask_o,
  output logic [32*Lanes-1:0]              load_wr_data_o,

  output logic                             max_valid_o,
  input  logic                             max_ready_i,
  output logic [7:0]                       max_index_o,
  output logic [63:0]                      max_data_o,

  output logic                             load_done_o,
  output logic                             matmul_done_o,
  output logic                             beats_o,
  output logic                             load_beats_o,
  output logic                             stall_read_o,
  output logic                             stall_drain_o,
  output logic [CountBits-1:0]             illegal_o,
  output logic                             busy_o,
  output logic                             shape_error_o
);
  localparam int unsigned Levels    = $clog2(Columns);
  localparam int unsigned SumBits   = Levels + 9;
  localparam int unsigned AddendBits = SumBits + 6;
  localparam int unsigned TileBits  = $clog2(Cfg.act_depth);
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;
  // Beats in the array: at most Levels + 2, which is the latency.
  localparam int unsigned TagsBits  = $clog2(Levels + 2);

  typedef logic [engine_pkg::ColumnBits-1:0]   column_t;
  typedef logic [TagsBits-1:0]                 tags_t;

  logic                           matmul, sign, signs_held, grouped, scale_write;
  logic [engine_pkg::RowBits-1:0] stripe;
  logic [Trees*Columns-1:0]       signs;
  logic [Columns-1:0]             mask;
  engine_pkg::beat_tag_t          tag;
  logic [TileBits-1:0]            act_tile;
  column_t                        columns_q;
  logic [ActColumns*8*Columns-1:0] planes;
  logic                           load_idle, load_start, load_beat, load_last, load_ready;
  tern_pkg::load_cmd_t            load_cmd;
  logic                           block_valid, sequencer_busy, sink_busy;
  engine_pkg::block_t             block;
  logic [1:0]                     release_halves;
  logic                           sums_valid;
  logic [32*Words-1:0]            sums, drained;
  logic [CountBits-1:0]           array_illegal, load_illegal;
  logic                           read;
  logic [engine_pkg::EntryBits-1:0] read_entry;

  stream_sequencer #(.Cfg(Cfg)) u_sequencer (
    .clk_i, .rst_ni,
    .cmd_valid_i, .cmd_ready_o, .cmd_i,
    .beat_valid_i, .beat_ready_o, .beat_last_i,
    .load_idle_i   (load_idle),
    .load_start_o  (load_start),
    .load_cmd_o    (load_cmd),
    .load_beat_o   (load_beat),
    .load_last_o   (load_last),
    .load_ready_i  (load_ready),
    .beat_o        (beats_o),
    .scale_write_o (scale_write),
    .signs_held_i  (signs_held),
    .matmul_o      (matmul),
    .sign_o        (sign),
    .grouped_o     (grouped),
    .stripe_o      (stripe),
    .act_tile_o    (act_tile),
    .mask_o        (mask),
    .tag_o         (tag),
    .block_valid_o (block_valid),
    .block_o       (block),
    .release_i     (release_halves),
    .stall_read_o, .stall_drain_o,
    .busy_o        (sequencer_busy),
    .shape_error_o
  );

  stream_loader #(.Cfg(Cfg)) u_loader (
    .clk_i, .rst_ni,
    .start_i      (load_start),
    .cmd_i        (load_cmd),
    .idle_o       (load_idle),
    .done_o       (load_done_o),
    .beat_valid_i (load_beat),
    .beat_ready_o (load_ready),
    .beat_data_i,
    .beat_last_i  (load_last),
    .wr_valid_o   (load_wr_valid_o),
    .wr_ready_i   (load_wr_ready_i),
    .wr_addr_o    (load_wr_addr_o),
    .wr_mask_o    (load_wr_mask_o),
    .wr_data_o    (load_wr_data_o),
    .illegal_o    (load_illegal)
  );

  activation_buffer #(.Cfg(Cfg), .FastBody(FastBody)) u_activations (
    .clk_i,
    .write_i        (act_valid_i),
    .write_column_i (act_column_i),
    .write_tile_i   (TileBits'(act_tile_i)),
    .write_offset_i (act_offset_i),
    .write_mask_i   (act_mask_i),
    .write_data_i   (act_data_i),
    .read_i         (matmul),
    .read_tile_i    (act_tile),
    .read_columns_i (tag.columns),
    .planes_o       (planes)
  );

  if (Cfg.sign_weights && Trees == 8) begin : gen_eights
    for (genvar r = 0; r < Trees; r++) begin : gen_row
      for (genvar c = 0; c < Columns; c++) begin : gen_column
        assign signs[Columns*r + c] = beat_data_i[8*c + r];
      end
    end
    assign signs_held = 1'b0;
  end else if (Cfg.sign_weights) begin : gen_signs
    sign_gearbox #(.Columns(Columns)) u_gearbox (
      .clk_i, .rst_ni,
      .step_i  (matmul && sign),
      .beat_i  (beat_data_i),
      .held_o  (signs_held),
      .signs_o (signs)
    );
  end else begin : gen_no_signs
    assign signs_held = 1'b0;
    assign signs      = '0;
  end

  ternary_array #(.Cfg(Cfg), .FastBody(FastBody)) u_array (
    .clk_i, .rst_ni,
    .valid_i   (matmul),
    .weights_i (beat_data_i),
    .sign_i    (sign),
    .signs_i   (signs),
    .mask_i    (mask),
    .planes_i  (planes),
    .columns_i (columns_q),
    .valid_o   (sums_valid),
    .sums_o    (sums),
    .illegal_o (array_illegal)
  );

  // The tags of the beats in the array wait here, oldest at get_q; then they follow the sums.
  logic [engine_pkg::BeatTagBits-1:0] tags_q [1 << TagsBits];
  tags_t                              put_q, get_q;
  engine_pkg::beat_tag_t              tag_0, tag_1_q, tag_2_q, tag_3_q, add_tag;
  logic [3:1]                         stage_q;
  logic                               add;
  logic [Trees*engine_pkg::ScaleBits-1:0] scales;

  assign tag_0 = tags_q[get_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      put_q   <= '0;
      get_q   <= '0;
      stage_q <= '0;
    end else begin
      if (matmul)     put_q <= put_q + 1'b1;
      if (sums_valid) get_q <= get_q + 1'b1;
      stage_q <= {stage_q[2:1], sums_valid};
    end
  end

  always_ff @(posedge clk_i) begin
    if (matmul) begin
      tags_q[put_q] <= tag;
      columns_q     <= tag.columns;
    end
    if (sums_valid) tag_1_q <= tag_0;
    if (stage_q[1]) tag_2_q <= tag_1_q;
    if (stage_q[2]) tag_3_q <= tag_2_q;
  end

  // Scales meet the addends in stage 3, the accumulators the products in a fourth.
  if (Cfg.group_scales) begin : gen_scales
    logic                  stage_4_q;
    engine_pkg::beat_tag_t tag_4_q;

    scale_buffer #(
      .Columns(Columns), .AccDepth(Cfg.acc_depth), .InFlight(Levels + 5), .Trees(Trees)
    ) u_scales (
      .clk_i, .rst_ni,
      .write_i     (scale_write),
      .write_row_i (stripe),
      .beat_i      (beat_data_i),
      .put_i       (matmul),
      .stripe_i    (stripe),
      .grouped_i   (grouped),
      .eights_i    (sign),
      .get_i       (stage_q[3]),
      .scales_o    (scales)
    );

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) stage_4_q <= 1'b0;
      else         stage_4_q <= stage_q[3];
    end
    always_ff @(posedge clk_i) begin
      if (stage_q[3]) tag_4_q <= tag_3_q;
    end
    assign add     = stage_4_q;
    assign add_tag = tag_4_q;
  end else begin : gen_no_scales
    logic unused_scales;
    assign unused_scales = ^{scale_write, grouped, stripe};
    assign scales  = '0;
    assign add     = stage_q[3];
    assign add_tag = tag_3_q;
  end

  for (genvar m = 0; m < ActColumns; m++) begin : gen_column
    logic [Trees*32-1:0] weighted, column_addends;

    digit_weight #(.SumBits(SumBits), .Trees(Trees)) u_weight (
      .clk_i,
      .en_i             ({stage_q[2] && ColumnBits'(m) < tag_2_q.columns,
                          stage_q[1] && ColumnBits'(m) < tag_1_q.columns,
                          sums_valid && ColumnBits'(m) < tag_0.columns}),
      .plane_i          (tag_0.plane),
      .value_layout_0_i (tag_0.value_layout),
      .value_layout_2_i (tag_2_q.value_layout),
      .sums_i           (sums[32*Trees*m +: 32*Trees]),
      .addends_o        (weighted)
    );

    if (Cfg.group_scales) begin : gen_multiply
      scale_multiply #(.AddendBits(AddendBits), .Trees(Trees)) u_multiply (
        .clk_i,
        .en_i       (stage_q[3] && ColumnBits'(m) < tag_3_q.columns),
        .scales_i   (scales),
        .addends_i  (weighted),
        .products_o (column_addends)
      );
    end else begin : gen_no_multiply
      assign column_addends = weighted;
    end

    for (genvar b = 0; b < Trees; b++) begin : gen_bank
      accumulator_bank #(.Depth(Cfg.acc_depth)) u_bank (
        .clk_i,
        .add_i        (add && add_tag.banks[b] && ColumnBits'(m) < add_tag.columns),
        .first_i      (add_tag.first),
        .add_entry_i  (add_tag.entry),
        .addend_i     (column_addends[32*b +: 32]),
        .read_i       (read),
        .read_entry_i (read_entry),
        .data_o       (drained[32*(b*ActColumns + m) +: 32])
      );
    end
  end

  result_sink #(.Cfg(Cfg)) u_sink (
    .clk_i, .rst_ni,
    .block_valid_i (block_valid),
    .block_i       (block),
    .landed_i      (add && add_tag.block_last),
    .release_o     (release_halves),
    .read_o        (read),
    .read_entry_o  (read_entry),
    .data_i        (drained),
    .wr_valid_o    (res_wr_valid_o),
    .wr_ready_i    (res_wr_ready_i),
    .wr_addr_o     (res_wr_addr_o),
    .wr_mask_o     (res_wr_mask_o),
    .wr_data_o     (res_wr_data_o),
    .max_valid_o, .max_ready_i, .max_index_o, .max_data_o,
    .done_o        (matmul_done_o),
    .busy_o        (sink_busy)
  );

  assign load_beats_o = load_beat && load_ready;
  assign illegal_o    = (sums_valid ? array_illegal : '0) + load_illegal;
  assign busy_o       = sequencer_busy || sink_busy || !load_idle || load_done_o;

  logic unused_signals;
  assign unused_signals = ^{add_tag.value_layout, add_tag.plane, act_tile_i, scales};

`ifndef SYNTHESIS
  initial begin
    if (Columns < 4 || 1 << Levels != Columns) begin
      $fatal(1, "matrix_engine: Columns must be a power of two, 4 or more, is %0d", Columns);
    end
    if (Trees != 5 && (Trees != 8 || !Cfg.sign_weights)) begin
      $fatal(1, "matrix_engine: Trees must be 5, or 8 with sign_weights, is %0d", Trees);
    end
    if (ActColumns < 1 || ActColumns > 15) begin
      $fatal(1, "matrix_engine: ActColumns must be 1 to 15, is %0d", ActColumns);
    end
  end

  // No sum may reach a half of the accumulators that is being read out.
  always_ff @(posedge clk_i) begin
    if (rst_ni && add && read) begin
      AssertNoAddWhileDraining: assert (
          (32'(add_tag.entry) >= Cfg.acc_depth / 2) != (32'(read_entry) >= Cfg.acc_depth / 2));
    end
  end

  handshake_checker #(.Width(tern_pkg::CmdBits)) u_check_command (
    .clk_i, .rst_ni,
    .valid_i (cmd_valid_i),
    .ready_i (cmd_ready_o),
    .data_i  (cmd_i)
  );
  handshake_checker #(.Width(8*Columns + 1)) u_check_beat (
    .clk_i, .rst_ni,
    .valid_i (beat_valid_i),
    .ready_i (beat_ready_o),
    .data_i  ({beat_data_i, beat_last_i})
  );
`endif
endmodule
