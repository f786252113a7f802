/// Writes the beats of a LOAD to the scratchpad, as int32 or as sign-extended int16.
///
/// `start_i`, only while `idle_o`, takes the format, the element count and the first word of
/// `cmd_i`. Then come the command's beats, the last one with `beat_last_i`. An element a word goes
/// out, up to Lanes a cycle, from the first word on; elements beyond the count are dropped. A beat
/// is taken in the cycle in which the last write of the one before it leaves. `done_o` pulses once
/// for each command, when its last beat is worked off: reads accepted in a later cycle see it all.
module stream_loader #(
  parameter int unsigned Columns = 64,
  parameter int unsigned Lanes   = 16
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 start_i,
  input  tern_pkg::load_cmd_t  cmd_i,
  output logic                 idle_o,
  output logic                 done_o,

  input  logic                 beat_valid_i,
  output logic                 beat_ready_o,
  input  logic [8*Columns-1:0] beat_data_i,
  input  logic                 beat_last_i,

  output logic                 wr_valid_o,
  input  logic                 wr_ready_i,
  output logic [19:0]          wr_addr_o,
  output logic [Lanes-1:0]     wr_mask_o,
  output logic [32*Lanes-1:0]  wr_data_o
);
  localparam int unsigned BeatBits   = 8 * Columns;
  // Elements of a beat, elements of a write, writes of a beat.
  localparam int unsigned WordCount  = Columns / 4;
  localparam int unsigned HalfCount  = Columns / 2;
  localparam int unsigned WordsAtOnce = WordCount < Lanes ? WordCount : Lanes;
  localparam int unsigned HalvesAtOnce = HalfCount < Lanes ? HalfCount : Lanes;
  localparam int unsigned WordWrites = WordCount / WordsAtOnce;
  localparam int unsigned HalfWrites = HalfCount / HalvesAtOnce;
  localparam int unsigned WriteBits  = $clog2(HalfWrites + 1);

  typedef logic [19:0]          word_t;
  typedef logic [WriteBits-1:0] writes_t;

  logic                active_q;   // a command without its last beat, or with beats in hand
  logic                half_q;
  word_t               addr_q, left_q;
  // The beat in hand, from its next element on.
  logic                held_q, last_q;
  writes_t             writes_left_q;
  logic [BeatBits-1:0] data_q;
  logic                take, step, beat_ends;
  word_t               at_once;

  assign at_once   = half_q ? 20'(HalvesAtOnce) : 20'(WordsAtOnce);
  assign step      = held_q && (left_q == '0 || wr_ready_i);
  assign beat_ends = step && (writes_left_q == '0 || left_q <= at_once);

  assign beat_ready_o = active_q && (!held_q || (beat_ends && !last_q));
  assign take         = beat_valid_i && beat_ready_o;
  assign idle_o       = !active_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      held_q   <= 1'b0;
      done_o   <= 1'b0;
    end else begin
      if (start_i)                  active_q <= 1'b1;
      else if (beat_ends && last_q) active_q <= 1'b0;
      if (take)           held_q <= 1'b1;
      else if (beat_ends) held_q <= 1'b0;
      done_o <= beat_ends && last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      half_q <= cmd_i.format == tern_pkg::FormatHalf;
      addr_q <= cmd_i.dst;
      left_q <= cmd_i.count;
    end else if (step) begin
      addr_q <= addr_q + at_once;
      left_q <= left_q <= at_once ? '0 : left_q - at_once;
    end
    if (take) begin
      data_q        <= beat_data_i;
      last_q        <= beat_last_i;
      writes_left_q <= half_q ? WriteBits'(HalfWrites - 1) : WriteBits'(WordWrites - 1);
    end else if (step) begin
      data_q        <= data_q >> (half_q ? 16 * HalvesAtOnce : 32 * WordsAtOnce);
      writes_left_q <= writes_left_q - 1'b1;
    end
  end

  assign wr_valid_o = held_q && left_q != '0;
  assign wr_addr_o  = addr_q;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [31:0] word, half;
    if (i < WordsAtOnce) assign word = data_q[32*i +: 32];
    else                 assign word = '0;
    if (i < HalvesAtOnce) assign half = {{16{data_q[16*i + 15]}}, data_q[16*i +: 16]};
    else                  assign half = '0;
    assign wr_mask_o[i]          = 20'(i) < at_once && 20'(i) < left_q;
    assign wr_data_o[32*i +: 32] = half_q ? half : word;
  end

  // Fields for those who issue the command.
  logic unused_cmd;
  assign unused_cmd = ^{cmd_i.opcode, cmd_i.reserved0, cmd_i.reserved1, cmd_i.reserved2,
                        cmd_i.reserved3, cmd_i.reserved4, cmd_i.wait_load, cmd_i.wait_matmul,
                        cmd_i.wait_vector, cmd_i.wait_store, cmd_i.read_addr, cmd_i.beats};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && start_i) AssertStartsWhenIdle: assert (idle_o);
  end

  handshake_checker #(.Width(20 + 33*Lanes)) u_check_write (
    .clk_i, .rst_ni,
    .valid_i (wr_valid_o),
    .ready_i (wr_ready_i),
    .data_i  ({wr_addr_o, wr_mask_o, wr_data_o})
  );
`endif
endmodule
