/// Types that the parts of the matrix engine exchange.
package engine_pkg;

  // Accumulator entries: at most 256 in each bank; an entry holds one row in each of five banks.
  localparam int unsigned EntryBits   = 8;
  localparam int unsigned RowBits     = 11;
  localparam int unsigned ColumnBits  = 4;
  localparam int unsigned Banks       = 5;
  // Widths of the structs below.
  localparam int unsigned BeatTagBits = 8 + Banks + ColumnBits + EntryBits;
  localparam int unsigned BlockBits   = 5 + 2 * EntryBits + RowBits + ColumnBits + 8 + 32;

  // What follows a beat of weights through the array to the accumulators.
  typedef struct packed {
    logic                  block_last;     // the last beat of a row block
    logic                  command_first;  // the first beat of a command
    logic                  slot;           // alternates from product to product
    logic                  first;          // overwrites the accumulators instead of adding
    logic                  value_layout;
    logic [2:0]            plane;          // weight 3^plane, plane layout only
    logic [Banks-1:0]      banks;          // accumulator banks that take part
    logic [ColumnBits-1:0] columns;        // activation columns that take part
    logic [EntryBits-1:0]  entry;
  } beat_tag_t;

  // A row block whose sums are to be drained.
  typedef struct packed {
    logic                  first;        // the first block of its command
    logic                  last;         // the last one: a trailer follows
    logic                  slot;
    logic [1:0]            halves;       // accumulator halves to release
    logic [EntryBits-1:0]  base;         // first entry
    logic [EntryBits-1:0]  last_entry;   // entries less one
    logic [RowBits-1:0]    rows;         // rows that are not masked
    logic [ColumnBits-1:0] columns;
    logic [7:0]            tag;
    logic [31:0]           result_addr;  // of the command, as in the command
  } block_t;

endpackage
