// SPDX-License-Identifier: Apache-2.0
/// Moves the accumulators of finished row blocks to the scratchpad, and the greatest magnitude of
/// each column to the scalar registers.
///
/// Blocks are queued by `block_valid_i` and drained in order, each one once its last beat has
/// landed in the accumulators (`landed_i`). An entry is read (`read_o`, data one cycle later: word
/// b * ActColumns + m is row b of the entry and column m) and goes out as one write for each column
/// that takes part: its rows, five or, where the block says so, eight, without those beyond the
/// matrix, in consecutive words; as two writes if Lanes are fewer than Trees. One write leaves
/// in every cycle in which the scratchpad takes one. With Cfg.small_fabric, writes wait in registers, and
/// magnitudes go through some, which takes a cycle each. `release_o` pulses when the last entry of a
/// block has been read. After the last block of a command come the scalar registers, column by
/// column; `done_o` pulses when the last of them has been written: reads of the scratchpad that are
/// accepted in a later cycle see all results.
module result_sink #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned ActColumns = Cfg.act_columns,
  localparam int unsigned Lanes      = Cfg.lanes,
  localparam int unsigned Trees      = Cfg.trees,
  localparam int unsigned Words      = Trees * ActColumns
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,

  input  logic                             block_valid_i,
  input  engine_pkg::block_t               block_i,
  input  logic                             landed_i,
  output logic [1:0]                       release_o,

  output logic                             read_o,
  output logic [engine_pkg::EntryBits-1:0] read_entry_o,
  input  logic [32*Words-1:0]              data_i,

  output logic                             wr_valid_o,
  input  logic                             wr_ready_i,
  output logic [19:0]                      wr_addr_o,
  output logic [Lanes-1:0]                 wr_mask_o,
  output logic [32*Lanes-1:0]              wr_data_o,

  output logic                             max_valid_o,
  input  logic                             max_ready_i,
  output logic [7:0]                       max_index_o,
  output logic [63:0]                      max_data_o,

  output logic                             done_o,
  output logic                             busy_o
);
  localparam int unsigned RowBits    = engine_pkg::RowBits;
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;
  localparam int unsigned UnitBits   = $clog2(tern_pkg::StrideUnit);
  localparam int unsigned Parts      = (Trees + Lanes - 1) / Lanes;  // writes of a column

  typedef logic [RowBits-1:0]              row_t;
  typedef logic [ColumnBits-1:0]           column_t;
  typedef logic [engine_pkg::WordBits-1:0] word_t;
  typedef enum logic [1:0] {StIdle, StRead, StFlush, StMax} state_e;

  // Two blocks at most are waiting, as there are two halves of the accumulators.
  logic [engine_pkg::BlockBits-1:0] queue_q [2];
  logic               put_q, get_q;
  logic [1:0]         queued_q, landed_q;
  logic               pop;
  engine_pkg::block_t head, block_q;

  state_e                           state_q;
  logic [engine_pkg::EntryBits-1:0] entry_q;
  row_t                             rows_q;       // valid rows from the next entry on
  row_t                             height;       // rows of an entry
  word_t                            next_addr_q;  // of the next entry, column 0

  // Pipeline: entry in the output registers of the accumulators, one column of it in the write
  // port, greatest of the column, greatest of the command.
  logic              entry_valid_q, entry_moves, entry_ends, out_moves, out_ends;
  column_t           column_q, last_column_q;
  logic [Trees-1:0]  live_q, out_live_q;
  word_t             addr_q, stride;
  logic [32*Trees-1:0] picked, words_q;
  logic              fresh_q, magnitudes_valid, greatest_valid_q, out_valid_q, out_ready;
  word_t             out_addr_q;
  column_t           out_column_q, greatest_column_q, max_column_q;
  logic [31:0]       entry_greatest_q;
  logic [31:0]       greatest_q [ActColumns];
  logic              last_entry, flushed, max_ends;

  assign pop        = state_q == StIdle && queued_q != '0 && landed_q != '0;
  assign head       = queue_q[get_q];
  assign last_entry = entry_q == block_q.last_entry;
  assign height     = Trees == 8 && block_q.eights ? RowBits'(8) : RowBits'(tern_pkg::TritsPerByte);

  assign out_moves    = !out_valid_q || (out_ready && out_ends);
  assign entry_moves  = entry_valid_q && out_moves;
  assign entry_ends   = entry_moves && column_q == last_column_q;
  assign read_o       = state_q == StRead && (!entry_valid_q || entry_ends);
  assign read_entry_o = block_q.base + entry_q;
  assign release_o    = read_o && last_entry ? block_q.halves : 2'b00;
  assign flushed      = !entry_valid_q && !out_valid_q && !wr_valid_o && !fresh_q &&
                        !magnitudes_valid && !greatest_valid_q;
  assign max_ends     = max_valid_o && max_ready_i && max_column_q == last_column_q;
  assign busy_o       = state_q != StIdle || queued_q != '0 || entry_valid_q || out_valid_q || wr_valid_o ||
                        done_o;
  assign stride       = 20'(block_q.dst_stride) << UnitBits;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q          <= StIdle;
      put_q            <= 1'b0;
      get_q            <= 1'b0;
      queued_q         <= '0;
      landed_q         <= '0;
      entry_valid_q    <= 1'b0;
      out_valid_q      <= 1'b0;
      fresh_q          <= 1'b0;
      greatest_valid_q <= 1'b0;
      done_o           <= 1'b0;
    end else begin
      if (block_valid_i) put_q <= !put_q;
      if (pop)           get_q <= !get_q;
      queued_q <= queued_q + 2'(block_valid_i) - 2'(pop);
      landed_q <= landed_q + 2'(landed_i) - 2'(pop);

      unique case (state_q)
        StIdle:  if (pop) state_q <= StRead;
        StRead:  if (read_o && last_entry) state_q <= block_q.last ? StFlush : StIdle;
        StFlush: if (flushed) state_q <= StMax;
        default: if (max_ends) state_q <= StIdle;
      endcase

      if (read_o)          entry_valid_q <= 1'b1;
      else if (entry_ends) entry_valid_q <= 1'b0;
      if (out_moves) out_valid_q <= entry_valid_q;
      fresh_q          <= entry_moves;
      greatest_valid_q <= magnitudes_valid;
      done_o           <= max_ends;
    end
  end

  always_ff @(posedge clk_i) begin
    if (block_valid_i) queue_q[put_q] <= block_i;
    if (pop) begin
      block_q <= head;
      entry_q <= '0;
      rows_q  <= head.rows;
    end
    if (pop && head.first) next_addr_q <= head.dst;
    else if (read_o)       next_addr_q <= next_addr_q + 20'(height);
    if (read_o) begin
      entry_q       <= entry_q + 1'b1;
      rows_q        <= rows_q < height ? '0 : rows_q - height;
      for (int unsigned b = 0; b < Trees; b++) begin
        live_q[b] <= RowBits'(b) < rows_q && RowBits'(b) < height;
      end
      column_q      <= '0;
      last_column_q <= block_q.columns - 1'b1;
      addr_q        <= next_addr_q;
    end else if (entry_moves) begin
      column_q <= column_q + 1'b1;
      addr_q   <= addr_q + stride;
    end
    if (entry_moves) begin
      out_addr_q   <= addr_q;
      out_live_q   <= live_q;
      out_column_q <= column_q;
      words_q      <= picked;
    end else if (out_valid_q && out_ready) begin
      out_addr_q   <= out_addr_q + 20'(Lanes);
      out_live_q   <= out_live_q >> Lanes;
      words_q      <= words_q >> 32 * Lanes;
    end
  end

  if (Parts > 1) begin : gen_parts
    logic second_q;
    always_ff @(posedge clk_i) begin
      if (entry_moves)                   second_q <= 1'b0;
      else if (out_valid_q && out_ready) second_q <= 1'b1;
    end
    assign out_ends = second_q;
  end else begin : gen_whole
    assign out_ends = 1'b1;
  end

  // One column of the entry, with zeros for the rows beyond the matrix.
  always_comb begin
    picked = '0;
    for (int unsigned m = 0; m < ActColumns; m++) begin
      for (int unsigned b = 0; b < Trees; b++) begin
        if (column_q == ColumnBits'(m) && live_q[b]) begin
          picked[32*b +: 32] = data_i[32*(b*ActColumns + m) +: 32];
        end
      end
    end
  end

  elastic #(.Width(20 + 33 * Lanes), .Present(Cfg.small_fabric)) u_writes (
    .clk_i, .rst_ni,
    .valid_i (out_valid_q),
    .ready_o (out_ready),
    .data_i  ({out_addr_q, Lanes'(out_live_q), (32*Lanes)'(words_q)}),
    .valid_o (wr_valid_o),
    .ready_i (wr_ready_i),
    .data_o  ({wr_addr_o, wr_mask_o, wr_data_o})
  );

  function automatic logic [31:0] magnitude(input logic [31:0] value);
    magnitude = value[31] ? -value : value;
  endfunction

  function automatic logic [31:0] greater(input logic [31:0] a, input logic [31:0] b);
    greater = a > b ? a : b;
  endfunction

  logic [32*Trees-1:0] magnitudes_d, magnitudes;
  column_t            magnitudes_column;
  for (genvar b = 0; b < Trees; b++) begin : gen_magnitude
    assign magnitudes_d[32*b +: 32] = magnitude(words_q[32*b +: 32]);
  end
  if (Cfg.small_fabric) begin : gen_magnitudes
    logic               valid_q;
    logic [32*Trees-1:0] magnitudes_q;
    column_t            magnitudes_column_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) valid_q <= 1'b0;
      else         valid_q <= fresh_q;
    end
    always_ff @(posedge clk_i) begin
      magnitudes_q        <= magnitudes_d;
      magnitudes_column_q <= out_column_q;
    end
    assign magnitudes_valid  = valid_q;
    assign magnitudes        = magnitudes_q;
    assign magnitudes_column = magnitudes_column_q;
  end else begin : gen_direct
    assign magnitudes_valid  = fresh_q;
    assign magnitudes        = magnitudes_d;
    assign magnitudes_column = out_column_q;
  end

  logic [31:0] first_greatest, last_greatest;
  assign first_greatest = greater(greater(magnitudes[31:0], magnitudes[63:32]),
                                  greater(magnitudes[95:64], magnitudes[127:96]));
  if (Trees == 8) begin : gen_last_four
    assign last_greatest = greater(greater(magnitudes[159:128], magnitudes[191:160]),
                                   greater(magnitudes[223:192], magnitudes[255:224]));
  end else begin : gen_fifth
    assign last_greatest = magnitudes[159:128];
  end

  always_ff @(posedge clk_i) begin
    if (magnitudes_valid) begin
      greatest_column_q <= magnitudes_column;
      entry_greatest_q  <= greater(first_greatest, last_greatest);
    end
    if (state_q == StFlush)               max_column_q <= '0;
    else if (max_valid_o && max_ready_i)  max_column_q <= max_column_q + 1'b1;
  end

  for (genvar m = 0; m < ActColumns; m++) begin : gen_greatest
    always_ff @(posedge clk_i) begin
      if (pop && head.first) begin
        greatest_q[m] <= '0;
      end else if (greatest_valid_q && greatest_column_q == ColumnBits'(m)) begin
        greatest_q[m] <= greater(greatest_q[m], entry_greatest_q);
      end
    end
  end

  logic [31:0] max_value;
  always_comb begin
    max_value = '0;
    for (int unsigned m = 0; m < ActColumns; m++) begin
      if (max_column_q == ColumnBits'(m)) max_value = greatest_q[m];
    end
  end
  assign max_valid_o = state_q == StMax;
  assign max_index_o = block_q.max_reg + 8'(max_column_q);
  assign max_data_o  = {32'd0, max_value};

  logic unused_block;
  assign unused_block = ^{block_q.first, block_q.rows, block_q.dst};

`ifndef SYNTHESIS
  initial begin
    if (Parts > 2) $fatal(1, "result_sink: %0d lanes are too few for %0d rows", Lanes, Trees);
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertQueueHasRoom: assert (!block_valid_i || queued_q < 2'd2 || pop);
      AssertLandedIsQueued: assert (landed_q <= queued_q);
    end
  end

  handshake_checker #(.Width(20 + 33*Lanes)) u_check_write (
    .clk_i, .rst_ni,
    .valid_i (wr_valid_o),
    .ready_i (wr_ready_i),
    .data_i  ({wr_addr_o, wr_mask_o, wr_data_o})
  );
  handshake_checker #(.Width(8 + 64)) u_check_max (
    .clk_i, .rst_ni,
    .valid_i (max_valid_o),
    .ready_i (max_ready_i),
    .data_i  ({max_index_o, max_data_o})
  );
`endif
endmodule
