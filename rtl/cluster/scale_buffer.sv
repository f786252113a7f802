// SPDX-License-Identifier: Apache-2.0
/// Holds the scales of a row block for one group of columns, and hands them on beside its sums.
///
/// `write_i` takes a beat of scale words, Columns / 8 of them, as row `write_row_i`: word w of row k
/// is that of stripe k * Columns / 8 + w of the block. With `put_i` the scales of `stripe_i`, or
/// ones unless `grouped_i`, enter a queue, because those of the next group may come while sums of
/// this one are still in the array. `scales_o` are those that have waited longest, one of 12 bits a
/// tree, that of row r from bit 12 * r on; `get_i` removes them. At most InFlight wait.
///
/// With eight Trees and `eights_i` the scales are those of the next eight rows, of which the first
/// may belong to the stripe before `stripe_i`, the last to the one behind it.
module scale_buffer #(
  parameter int unsigned Columns   = 64,
  parameter int unsigned AccDepth  = 52,
  parameter int unsigned InFlight  = 11,
  parameter int unsigned Trees     = 5,
  localparam int unsigned RowBits   = engine_pkg::RowBits,
  localparam int unsigned ScaleBits = engine_pkg::ScaleBits,
  localparam int unsigned OutBits   = Trees * ScaleBits
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 write_i,
  input  logic [RowBits-1:0]   write_row_i,
  input  logic [8*Columns-1:0] beat_i,

  input  logic                 put_i,
  input  logic [RowBits-1:0]   stripe_i,
  input  logic                 grouped_i,
  input  logic                 eights_i,

  input  logic                 get_i,
  output logic [OutBits-1:0]   scales_o
);
  localparam int unsigned WordBits  = engine_pkg::ScaleWordBits;
  localparam int unsigned Words     = Columns / tern_pkg::ScaleBytes;
  localparam int unsigned Shift     = $clog2(Words);
  localparam int unsigned Depth     = (AccDepth + Words - 1) / Words;
  localparam int unsigned IndexBits = Depth > 1 ? $clog2(Depth) : 1;
  localparam int unsigned QueueBits = $clog2(InFlight);
  localparam int unsigned Ports     = Trees == 8 ? 2 : 1;

  // Words of `stripe_i` and, on a second port, of the stripe behind it.
  logic [Ports*WordBits-1:0]   read_words;
  logic [OutBits-1:0]          scales;
  logic [OutBits-1:0]          queue_q [1 << QueueBits];
  logic [QueueBits-1:0]        put_q, get_q;

  for (genvar w = 0; w < Words; w++) begin : gen_word
    logic [WordBits-1:0] mem_q [Depth];
    always_ff @(posedge clk_i) begin
      if (write_i) mem_q[IndexBits'(write_row_i)] <= beat_i[64*w +: WordBits];
    end
  end

  for (genvar p = 0; p < Ports; p++) begin : gen_port
    logic [RowBits-1:0]        stripe;
    logic [Words*WordBits-1:0] row;
    assign stripe = stripe_i + RowBits'(p);
    for (genvar w = 0; w < Words; w++) begin : gen_read
      assign row[WordBits*w +: WordBits] = gen_word[w].mem_q[IndexBits'(stripe >> Shift)];
    end
    always_comb begin
      read_words[WordBits*p +: WordBits] = '0;
      for (int unsigned w = 0; w < Words; w++) begin
        if (stripe - (stripe >> Shift << Shift) == RowBits'(w)) begin
          read_words[WordBits*p +: WordBits] = row[WordBits*w +: WordBits];
        end
      end
    end
  end

  if (Trees == 8) begin : gen_eights
    // The word that was taken last, and the first of its scales that no step has used.
    logic [WordBits-1:0] last_q;
    logic [2:0]          first;
    logic                pair;

    always_comb begin
      unique case (stripe_i[2:0])
        3'd0:    {pair, first} = {1'b1, 3'd5};
        3'd2:    {pair, first} = {1'b1, 3'd3};
        3'd4:    {pair, first} = {1'b0, 3'd1};
        3'd5:    {pair, first} = {1'b1, 3'd4};
        default: {pair, first} = {1'b0, 3'd2};  // stripe 7 of eight
      endcase
    end
    always_ff @(posedge clk_i) begin
      if (put_i) last_q <= pair ? read_words[WordBits +: WordBits] : read_words[0 +: WordBits];
    end
    assign scales = eights_i ? OutBits'({read_words, last_q} >> ScaleBits * first)
                             : OutBits'(read_words[0 +: WordBits]);
  end else begin : gen_stripes
    assign scales = read_words;
    logic unused_eights;
    assign unused_eights = eights_i;
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
    if (put_i) queue_q[put_q] <= grouped_i ? scales : {Trees{ScaleBits'(1)}};
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
