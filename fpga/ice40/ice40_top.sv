// SPDX-License-Identifier: Apache-2.0
/// The stream controller and the ternary array alone, for an iCE40 HX8K: does the part of the chip that sets its
/// speed fit into a small FPGA, and how fast does it run?
///
///   AXI read channel -> stream_reader -> stream_sequencer -> ternary_array -> check_o
///                                              '-> activation_buffer -'
///
/// Not a usable chip: what the rest of it would say to these blocks comes from a shift register, what
/// they give is folded into one pin, so that nothing is left out by optimisation. The shift register
/// moves with `shift_i` and is, from bit 0 on: a MATMUL command, beats and address of a segment, a tile of
/// activations and its number.
module ice40_top #(
  localparam int unsigned Columns = 8
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 shift_i,
  input  logic                 serial_i,
  input  logic                 segment_i,    // starts a segment
  input  logic                 command_i,    // starts a command
  input  logic                 write_i,      // writes a tile of activations

  output logic                 ar_valid_o,
  input  logic                 ar_ready_i,
  output logic [31:0]          ar_addr_o,
  output logic [7:0]           ar_len_o,
  input  logic                 r_valid_i,
  output logic                 r_ready_o,
  input  logic [8*Columns-1:0] r_data_i,
  input  logic [Columns-1:0]   r_parity_i,
  input  logic                 r_last_i,

  output logic                 sums_valid_o,
  output logic                 check_o
);
  // Nano with a small activation buffer and an engine that does without scales and signs.
  function automatic logic [tern_pkg::ChipConfigBits-1:0] config_of(input int unsigned columns);
    config_of = tern_pkg::ConfigNano;
    config_of[tern_pkg::ChipConfigColumnsLsb +: 32]  = columns;
    config_of[tern_pkg::ChipConfigLanesLsb +: 32]    = columns;
    config_of[tern_pkg::ChipConfigActDepthLsb +: 32] = 64;
    config_of[tern_pkg::ChipConfigTreesLsb +: 32]    = 5;
    config_of[tern_pkg::ChipConfigGroupScalesLsb]    = 1'b0;
    config_of[tern_pkg::ChipConfigSignWeightsLsb]    = 1'b0;
  endfunction
  localparam tern_pkg::chip_config_t Cfg = config_of(Columns);

  localparam int unsigned AddrBits  = 32;
  localparam int unsigned CmdBits   = tern_pkg::CmdBits;
  localparam int unsigned TileBits  = $clog2(Cfg.act_depth);
  localparam int unsigned Levels    = $clog2(Columns);
  localparam int unsigned ShiftBits = CmdBits + 32 + AddrBits + 8 * Columns + TileBits;

  logic [CmdBits-1:0]   cmd;
  logic [31:0]          seg_beats;
  logic [AddrBits-1:0]  seg_addr;
  logic [8*Columns-1:0] act_data;
  logic [TileBits-1:0]  act_write_tile;
  logic [ShiftBits-1:0] shift_q;
  always_ff @(posedge clk_i) begin
    if (shift_i) shift_q <= {serial_i, shift_q[ShiftBits-1:1]};
  end
  assign {act_write_tile, act_data, seg_addr, seg_beats, cmd} = shift_q;

  // The pins go through registers: what lies outside the FPGA is not what is timed here.
  logic [9*Columns+1:0] r_q;
  logic                 r_valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) r_valid_q <= 1'b0;
    else         r_valid_q <= r_valid_i;
  end
  always_ff @(posedge clk_i) r_q <= {r_last_i, 1'b0, r_parity_i, r_data_i};

  logic seg_ready, cmd_ready, idle, reader_error, parity_error;
  logic beat_valid, beat_ready, beat_last;
  logic [8*Columns-1:0] beat_data;
  stream_reader #(.Cfg(Cfg), .AddrBits(AddrBits)) u_reader (
    .clk_i,
    .rst_ni,
    .stop_i         (1'b0),
    .idle_o         (idle),
    .error_o        (reader_error),
    .parity_error_o (parity_error),
    .seg_valid_i    (segment_i),
    .seg_ready_o    (seg_ready),
    .seg_addr_i     (seg_addr),
    .seg_beats_i    (seg_beats),
    .ar_valid_o,
    .ar_ready_i,
    .ar_addr_o,
    .ar_len_o,
    .r_valid_i      (r_valid_q),
    .r_ready_o,
    .r_data_i       (r_q[8*Columns-1:0]),
    .r_parity_i     (r_q[9*Columns-1:8*Columns]),
    .r_resp_i       ({1'b0, r_q[9*Columns]}),
    .r_last_i       (r_q[9*Columns+1]),
    .beat_valid_o   (beat_valid),
    .beat_ready_i   (beat_ready),
    .beat_data_o    (beat_data),
    .beat_last_o    (beat_last)
  );

  logic                              matmul, load_start, load_beat, load_last, block_valid;
  logic                              stall_read, stall_drain, busy, shape_error;
  tern_pkg::load_cmd_t               load_cmd;
  logic [TileBits-1:0]               act_tile;
  logic [Columns-1:0]                mask;
  engine_pkg::beat_tag_t             tag;
  engine_pkg::block_t                block;
  logic [engine_pkg::ColumnBits-1:0] columns_q;
  // Of scales and signs, which this engine does without.
  logic                              beat, scale_write, sign, grouped, unused_sequencer;
  logic [engine_pkg::RowBits-1:0]    stripe;
  assign unused_sequencer = ^{beat, scale_write, sign, grouped, stripe};
  stream_sequencer #(.Cfg(Cfg)) u_sequencer (
    .clk_i,
    .rst_ni,
    .cmd_valid_i   (command_i),
    .cmd_ready_o   (cmd_ready),
    .cmd_i         (cmd),
    .beat_valid_i  (beat_valid),
    .beat_ready_o  (beat_ready),
    .beat_last_i   (beat_last),
    .load_idle_i   (1'b1),
    .load_start_o  (load_start),
    .load_cmd_o    (load_cmd),
    .load_beat_o   (load_beat),
    .load_last_o   (load_last),
    .load_ready_i  (1'b1),
    .beat_o        (beat),
    .scale_write_o (scale_write),
    .signs_held_i  (1'b0),
    .matmul_o      (matmul),
    .sign_o        (sign),
    .grouped_o     (grouped),
    .stripe_o      (stripe),
    .act_tile_o    (act_tile),
    .mask_o        (mask),
    .tag_o         (tag),
    .block_valid_o (block_valid),
    .block_o       (block),
    .release_i     (block.halves & {2{block_valid}}),
    .stall_read_o  (stall_read),
    .stall_drain_o (stall_drain),
    .busy_o        (busy),
    .shape_error_o (shape_error)
  );

  logic [8*Columns-1:0] planes;
  activation_buffer #(.Cfg(Cfg)) u_activations (
    .clk_i,
    .write_i        (write_i),
    .write_column_i ('0),
    .write_tile_i   (act_write_tile),
    .write_offset_i (1'b0),
    .write_mask_i   ({Columns{1'b1}}),
    .write_data_i   (act_data),
    .read_i         (matmul),
    .read_tile_i    (act_tile),
    .read_columns_i (tag.columns),
    .planes_o       (planes)
  );

  logic [159:0]  sums;
  logic [Levels:0] illegal;
  always_ff @(posedge clk_i) if (matmul) columns_q <= tag.columns;
  ternary_array #(.Cfg(Cfg)) u_array (
    .clk_i,
    .rst_ni,
    .valid_i   (matmul),
    .weights_i (beat_data),
    .sign_i    (1'b0),
    .signs_i   ('0),
    .mask_i    (mask),
    .planes_i  (planes),
    .columns_i (columns_q),
    .valid_o   (sums_valid_o),
    .sums_o    (sums),
    .illegal_o (illegal)
  );

  // Each row's bits fold in one cycle, the rows in the next.
  logic [6:0] folded_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned r = 0; r < 5; r++) folded_q[r] <= ^sums[32*r +: 32];
    folded_q[5] <= ^{illegal, tag, block, block_valid};
    folded_q[6] <= ^{load_start, load_beat, load_last, load_cmd, stall_read, stall_drain, busy,
                     shape_error, seg_ready, cmd_ready, idle, reader_error, parity_error};
    check_o     <= ^folded_q;
  end
endmodule
