/// Turns the accumulators of finished row blocks into result entries, and ends each command with a
/// trailer.
///
/// Blocks are queued by `block_valid_i` and drained in order, each one once its last beat has
/// landed in the accumulators (`landed_i`). An entry is read (`read_o`, data one cycle later), rows
/// beyond the matrix and columns that take no part are set to 0, and it goes out as 5 * ActColumns
/// int32, word b * ActColumns + m being row b of the entry and column m; one entry a cycle if the
/// sink takes them. The addresses of a command's entries are EntryBytes apart. `release_o` pulses
/// when the last entry of a block has been read. The trailer, at the next address with
/// `result_last_o`, has the greatest absolute value of column m in word m, the command's illegal
/// codes in word ActColumns and its tag in the word after. `illegal_valid_i` adds to the codes of
/// the command in `illegal_slot_i`, or starts its count; a command's last count comes before its
/// last block has landed.
module result_drain #(
  parameter int unsigned Columns     = 64,
  parameter int unsigned ActColumns  = 8,
  localparam int unsigned Rows       = tern_pkg::TritsPerByte,
  localparam int unsigned Words      = Rows * ActColumns,
  localparam int unsigned CountBits  = $clog2(Columns) + 1
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,

  input  logic                             block_valid_i,
  input  engine_pkg::block_t               block_i,
  input  logic                             landed_i,
  output logic [1:0]                       release_o,

  input  logic                             illegal_valid_i,
  input  logic                             illegal_first_i,
  input  logic                             illegal_slot_i,
  input  logic [CountBits-1:0]             illegal_i,

  output logic                             read_o,
  output logic [engine_pkg::EntryBits-1:0] read_entry_o,
  input  logic [32*Words-1:0]              data_i,

  output logic                             result_valid_o,
  input  logic                             result_ready_i,
  output logic [tern_pkg::AddrBits-1:0]    result_addr_o,
  output logic [32*Words-1:0]              result_data_o,
  output logic                             result_last_o,

  output logic                             busy_o
);
  localparam int unsigned RowBits    = engine_pkg::RowBits;
  localparam int unsigned ColumnBits = engine_pkg::ColumnBits;
  localparam int unsigned AddrBits   = tern_pkg::AddrBits;
  localparam int unsigned EntryBytes = (4 * Words + Columns - 1) / Columns * Columns;

  typedef logic [RowBits-1:0] row_t;
  typedef enum logic [1:0] {StIdle, StRead, StTrailer, StSend} state_e;

  // Two blocks at most are waiting, as there are two halves of the accumulators.
  logic [engine_pkg::BlockBits-1:0] queue_q [2];
  logic               put_q, get_q;
  logic [1:0]         queued_q, landed_q;
  logic               pop;
  engine_pkg::block_t head, block_q;

  state_e                           state_q;
  logic [engine_pkg::EntryBits-1:0] entry_q;
  row_t                             rows_q;       // valid rows from this entry on
  logic [tern_pkg::AddrBits-1:0]    next_addr_q;
  logic [31:0]                      illegal_count_q [2];
  logic [31:0]                      trailer_illegal_q;

  // Pipeline: read, masked (the output), greatest of the entry, greatest of the command.
  logic                  read_valid_q, read_moves, out_moves, trailer;
  logic [Rows-1:0]       live_q;
  logic                  fresh_q, greatest_valid_q;
  logic [ActColumns-1:0] column_live_q;
  logic                  last_entry;

  assign pop        = state_q == StIdle && queued_q != '0 && landed_q != '0;
  assign head       = queue_q[get_q];
  assign last_entry = entry_q == block_q.last_entry;

  assign out_moves    = !result_valid_o || result_ready_i;
  assign read_moves   = !read_valid_q || out_moves;
  assign read_o       = state_q == StRead && read_moves;
  assign read_entry_o = block_q.base + entry_q;
  assign release_o    = read_o && last_entry ? block_q.halves : 2'b00;
  assign trailer      = state_q == StTrailer && !read_valid_q && !fresh_q && !greatest_valid_q &&
                        out_moves;
  assign busy_o       = state_q != StIdle || queued_q != '0 || read_valid_q || result_valid_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q          <= StIdle;
      put_q            <= 1'b0;
      get_q            <= 1'b0;
      queued_q         <= '0;
      landed_q         <= '0;
      read_valid_q     <= 1'b0;
      fresh_q          <= 1'b0;
      greatest_valid_q <= 1'b0;
      result_valid_o   <= 1'b0;
    end else begin
      if (block_valid_i) put_q <= !put_q;
      if (pop)           get_q <= !get_q;
      queued_q <= queued_q + 2'(block_valid_i) - 2'(pop);
      landed_q <= landed_q + 2'(landed_i) - 2'(pop);

      unique case (state_q)
        StIdle:    if (pop) state_q <= StRead;
        StRead:    if (read_o && last_entry) state_q <= block_q.last ? StTrailer : StIdle;
        StTrailer: if (trailer) state_q <= StSend;
        default:   if (result_ready_i) state_q <= StIdle;
      endcase

      if (read_moves) read_valid_q <= read_o;
      if (out_moves)  result_valid_o <= read_valid_q || trailer;
      fresh_q          <= read_valid_q && out_moves;
      greatest_valid_q <= fresh_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (block_valid_i) queue_q[put_q] <= block_i;
    if (pop) begin
      block_q           <= head;
      entry_q           <= '0;
      rows_q            <= head.rows;
      trailer_illegal_q <= illegal_count_q[head.slot];
      if (head.first) begin
        next_addr_q <= AddrBits'(head.result_addr) << $clog2(tern_pkg::AddrUnit);
      end
      for (int unsigned m = 0; m < ActColumns; m++) begin
        column_live_q[m] <= ColumnBits'(m) < head.columns;
      end
    end
    if (read_o) begin
      entry_q <= entry_q + 1'b1;
      rows_q  <= rows_q < RowBits'(Rows) ? '0 : rows_q - RowBits'(Rows);
      for (int unsigned b = 0; b < Rows; b++) live_q[b] <= RowBits'(b) < rows_q;
    end
    if (out_moves && (read_valid_q || trailer)) begin
      result_addr_o <= next_addr_q;
      result_last_o <= trailer;
      next_addr_q   <= next_addr_q + AddrBits'(EntryBytes);
    end
    if (illegal_valid_i) begin
      illegal_count_q[illegal_slot_i] <=
          (illegal_first_i ? 32'd0 : illegal_count_q[illegal_slot_i]) + 32'(illegal_i);
    end
  end

  function automatic logic [31:0] magnitude(input logic [31:0] value);
    magnitude = value[31] ? -value : value;
  endfunction

  function automatic logic [31:0] greater(input logic [31:0] a, input logic [31:0] b);
    greater = a > b ? a : b;
  endfunction

  for (genvar m = 0; m < ActColumns; m++) begin : gen_greatest
    logic [31:0] entry_greatest_q, greatest_q;

    always_ff @(posedge clk_i) begin
      if (fresh_q) begin
        entry_greatest_q <= greater(
            greater(greater(magnitude(result_data_o[32*(0*ActColumns + m) +: 32]),
                            magnitude(result_data_o[32*(1*ActColumns + m) +: 32])),
                    greater(magnitude(result_data_o[32*(2*ActColumns + m) +: 32]),
                            magnitude(result_data_o[32*(3*ActColumns + m) +: 32]))),
            magnitude(result_data_o[32*(4*ActColumns + m) +: 32]));
      end
      if (pop && head.first)     greatest_q <= '0;
      else if (greatest_valid_q) greatest_q <= greater(greatest_q, entry_greatest_q);
    end
  end

  for (genvar w = 0; w < Words; w++) begin : gen_word
    logic [31:0] tail, word_q;

    if (w < ActColumns)           assign tail = gen_greatest[w].greatest_q;
    else if (w == ActColumns)     assign tail = trailer_illegal_q;
    else if (w == ActColumns + 1) assign tail = {24'd0, block_q.tag};
    else                          assign tail = '0;

    always_ff @(posedge clk_i) begin
      if (out_moves && trailer) begin
        word_q <= tail;
      end else if (out_moves && read_valid_q) begin
        word_q <= live_q[w / ActColumns] && column_live_q[w % ActColumns] ? data_i[32*w +: 32] : '0;
      end
    end
    assign result_data_o[32*w +: 32] = word_q;
  end

  logic unused_block;
  assign unused_block = ^{block_q.first, block_q.slot, block_q.rows, block_q.columns,
                          block_q.result_addr};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertQueueHasRoom: assert (!block_valid_i || queued_q < 2'd2 || pop);
      AssertLandedIsQueued: assert (landed_q <= queued_q);
    end
  end

  handshake_checker #(.Width(AddrBits + 32*Words + 1)) u_check_result (
    .clk_i, .rst_ni,
    .valid_i (result_valid_o),
    .ready_i (result_ready_i),
    .data_i  ({result_addr_o, result_data_o, result_last_o})
  );
`endif
endmodule
