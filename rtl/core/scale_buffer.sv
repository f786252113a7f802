/// Holds the scales of a row block for one group of columns, and hands them on beside its sums.
///
/// `write_i` takes a beat of scale words, Columns / 8 of them, as row `write_row_i`: word w of row k
/// is that of stripe k * Columns / 8 + w of the block. With `put_i` the scales of `stripe_i`, or
/// five times 1 unless `grouped_i`, enter a queue, because those of the next group may come while
/// sums of this one are still in the array. `scales_o` are those that have waited longest, five of
/// 12 bits, that of row r from bit 12 * r on; `get_i` removes them. At most InFlight wait.
module scale_buffer #(
  parameter int unsigned Columns   = 64,
  parameter int unsigned AccDepth  = 52,
  parameter int unsigned InFlight  = 11,
  localparam int unsigned RowBits  = engine_pkg::RowBits,
  localparam int unsigned WordBits = engine_pkg::ScaleWordBits
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 write_i,
  input  logic [RowBits-1:0]   write_row_i,
  input  logic [8*Columns-1:0] beat_i,

  input  logic                 put_i,
  input  logic [RowBits-1:0]   stripe_i,
  input  logic                 grouped_i,

  input  logic                 get_i,
  output logic [WordBits-1:0]  scales_o
);
  localparam int unsigned Words     = Columns / tern_pkg::ScaleBytes;
  localparam int unsigned Shift     = $clog2(Words);
  localparam int unsigned Depth     = (AccDepth + Words - 1) / Words;
  localparam int unsigned IndexBits = Depth > 1 ? $clog2(Depth) : 1;
  localparam int unsigned QueueBits = $clog2(InFlight);
  localparam int unsigned ScaleBits = engine_pkg::ScaleBits;

  logic [IndexBits-1:0]        read_row;
  logic [Words*WordBits-1:0]   read_words;
  logic [WordBits-1:0]         word;
  logic [WordBits-1:0]         queue_q [1 << QueueBits];
  logic [QueueBits-1:0]        put_q, get_q;

  assign read_row = IndexBits'(stripe_i >> Shift);

  for (genvar w = 0; w < Words; w++) begin : gen_word
    logic [WordBits-1:0] mem_q [Depth];
    always_ff @(posedge clk_i) begin
      if (write_i) mem_q[IndexBits'(write_row_i)] <= beat_i[64*w +: WordBits];
    end
    assign read_words[WordBits*w +: WordBits] = mem_q[read_row];
  end

  always_comb begin
    word = '0;
    for (int unsigned w = 0; w < Words; w++) begin
      if (stripe_i - (stripe_i >> Shift << Shift) == RowBits'(w)) begin
        word = read_words[WordBits*w +: WordBits];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      put_q <= '0;
      get_q <= '0;
    end else begin
      if (put_i) put_q <= put_q + 1'b1;
      if (get_i) get_q <= get_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (put_i) queue_q[put_q] <= grouped_i ? word : {tern_pkg::TritsPerByte{ScaleBits'(1)}};
  end

  assign scales_o = queue_q[get_q];

  // Bits 63:60 of a word have no meaning.
  logic unused_beat;
  assign unused_beat = ^beat_i;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && write_i) AssertWriteInRange: assert (32'(write_row_i) < Depth);
    if (rst_ni && put_i)   AssertReadInRange:  assert (!grouped_i || 32'(stripe_i) < AccDepth);
  end
`endif
endmodule
