// SPDX-License-Identifier: Apache-2.0
/// Types that the parts of the matrix engine exchange.
package engine_pkg;

  // Accumulator entries: at most 256 in each bank; an entry holds one row in each bank: five of a
  // stripe, or the eight of a beat of signs where there are eight trees.
  localparam int unsigned EntryBits   = 8;
  localparam int unsigned RowBits     = 11;
  localparam int unsigned ColumnBits  = 4;
  localparam int unsigned Banks       = 8;
  // A word address of the scratchpad, the distance of two result columns, a scalar register.
  localparam int unsigned WordBits    = 20;
  localparam int unsigned StrideBits  = 12;
  localparam int unsigned ScalarBits  = 8;
  // A scale of a group of columns, and the scales of a stripe.
  localparam int unsigned ScaleBits     = 12;
  localparam int unsigned ScaleWordBits = 5 * ScaleBits;
  // Widths of the structs below.
  localparam int unsigned BeatTagBits = 6 + Banks + ColumnBits + EntryBits;
  localparam int unsigned BlockBits   = 5 + 2 * EntryBits + RowBits + ColumnBits + WordBits +
                                        StrideBits + ScalarBits;

  // What follows a beat of weights through the array to the accumulators.
  typedef struct packed {
    logic                  block_last;     // the last beat of a row block
    logic                  first;          // overwrites the accumulators instead of adding
    logic                  value_layout;
    logic [2:0]            plane;          // weight 3^plane, plane layout only
    logic [Banks-1:0]      banks;          // accumulator banks that take part
    logic [ColumnBits-1:0] columns;        // activation columns that take part
    logic [EntryBits-1:0]  entry;
  } beat_tag_t;

  // A row block whose sums are to be drained. The last three fields are the command's.
  typedef struct packed {
    logic                  first;        // the first block of its command
    logic                  last;         // the last one
    logic [1:0]            halves;       // accumulator halves to release
    logic                  eights;       // entries of eight rows
    logic [EntryBits-1:0]  base;         // first entry
    logic [EntryBits-1:0]  last_entry;   // entries less one
    logic [RowBits-1:0]    rows;         // rows that are not masked
    logic [ColumnBits-1:0] columns;
    logic [WordBits-1:0]   dst;          // scratchpad word of row 0, column 0
    logic [StrideBits-1:0] dst_stride;   // of the columns, in units of StrideUnit words
    logic [ScalarBits-1:0] max_reg;
  } block_t;

endpackage
