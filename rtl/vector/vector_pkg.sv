// SPDX-License-Identifier: Apache-2.0
/// Types that the parts of the vector unit exchange, and the reading of shifts.
package vector_pkg;

  localparam int unsigned AddrBits = 20;

  // What to do with a 64-bit value v to get v * 2^-k.
  typedef struct packed {
    logic       zero;      // k > 62: the result is 0
    logic       saturate;  // k < -31: 0 stays, everything else saturates
    logic       left;      // k < 0: shift left by 32, then right by `amount` = 32 + k
    logic       round;     // k > 0: shift right by `amount` = k - 1; the last bit then rounds
    logic [5:0] amount;
  } shift_t;

  // Where a line of results goes, and what it ends.
  typedef struct packed {
    logic [AddrBits-1:0] dst;
    logic [11:0]         act_tile;
    logic [7:0]          act_offset;  // in the tile, in lines
    logic [3:0]          act_column;
    logic [7:0]          live;        // elements, from lane 0 on
    logic                first;       // the first line of its row
    logic                last;        // the last line of its row
    logic                ends;        // the last line of the command
  } line_t;

  localparam int unsigned LineBits = AddrBits + 35;

  // Sources of the operands x and y of the product, and of the addend z.
  typedef enum logic [1:0] {XHead, XFirst, XSecond, XThird} x_source_e;
  typedef enum logic [2:0] {
    YScalar, YOne, YMinusOne, YLimb, YHead, YSecondHalf, YHeadHalf, YMinusHeadHalf
  } y_source_e;
  typedef enum logic [1:0] {ZNone, ZHead, ZFirst, ZPair} z_source_e;
  // How the operand at the head of the queue is seen.
  typedef enum logic [1:0] {ViewPlain, ViewPositive, ViewShifted} view_e;
  // What is added to a product.
  typedef enum logic [1:0] {AddNone, AddZ, AddHistory} add_e;

  // Control of the operand stage of the lanes.
  typedef struct packed {
    logic       valid;
    logic       load_first;   // keep the head of the queue
    logic       load_second;
    logic       load_third;
    logic       alternate;    // lanes whose bit of the pair's distance is set subtract
    x_source_e  x;
    y_source_e  y;
    z_source_e  z;
    view_e      view;
  } issue_t;

  // What follows the operands through the lanes.
  typedef struct packed {
    line_t      line;
    shift_t     shift;
    logic       emit;         // a line of results is complete with this step
    add_e       add;
    logic [1:0] slot;         // quarter of the line, curves only
  } step_t;

  // The shift_t of v * 2^-k. Unless `both_ways`, negative k count as 0, as in rshift_round().
  function automatic shift_t decode_shift(input logic [31:0] k, input logic both_ways);
    logic       negative, positive;
    logic [5:0] amount;
    negative = k[31];
    positive = !negative && k != '0;
    amount   = positive ? k[5:0] - 6'd1 : negative && both_ways ? {1'b0, k[4:0]} : 6'd0;
    decode_shift = {!negative && (k[30:6] != '0 || k[5:0] == 6'd63),
                    both_ways && negative && (k[31:5] != '1 || k[4:0] == '0),
                    both_ways && negative, positive, amount};
  endfunction

  // Signed comparison.
  function automatic logic exceeds(input logic [31:0] a, input logic [31:0] b);
    exceeds = {!a[31], a[30:0]} > {!b[31], b[30:0]};
  endfunction

endpackage
