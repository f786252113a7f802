// SPDX-License-Identifier: Apache-2.0
/// Writes the beats of a LOAD to the scratchpad: int32, sign-extended int16, or trits as -1, 0, +1.
///
/// `start_i`, only while `idle_o`, takes the format, the element count and the first word of
/// `cmd_i`. Then come the command's beats, the last one with `beat_last_i`. An element a word goes
/// out, up to Lanes a cycle, from the first word on; elements beyond the count are dropped. A beat
/// is taken in the cycle in which the last write of the one before it leaves. `done_o` pulses once
/// for each command, when its last beat is worked off: reads accepted in a later cycle see it all.
///
/// `illegal_o` is the number of illegal codes of which something is written in this cycle; they act
/// as five zeros. Codes beyond the count are not looked at. Without Cfg.group_scales there is no such format.
module stream_loader #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned Columns   = Cfg.columns,
  localparam int unsigned Lanes     = Cfg.lanes,
  localparam int unsigned CountBits = $clog2(Columns) + 1
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
  output logic [32*Lanes-1:0]  wr_data_o,

  output logic [CountBits-1:0] illegal_o
);
  localparam int unsigned BeatBits   = 8 * Columns;
  // Elements of a beat, elements of a write, writes of a beat.
  localparam int unsigned WordCount  = Columns / 4;
  localparam int unsigned HalfCount  = Columns / 2;
  localparam int unsigned WordsAtOnce = WordCount < Lanes ? WordCount : Lanes;
  localparam int unsigned HalvesAtOnce = HalfCount < Lanes ? HalfCount : Lanes;
  localparam int unsigned WordWrites = WordCount / WordsAtOnce;
  localparam int unsigned HalfWrites = HalfCount / HalvesAtOnce;
  // T5 bytes of a write: the greatest power of two whose trits are no more than the lanes.
  localparam int unsigned Digits     = tern_pkg::TritsPerByte;
  localparam int unsigned MostBytes  = Lanes < Digits ? 1 : 1 << ($clog2(Lanes / Digits + 1) - 1);
  localparam int unsigned TritBytes  = MostBytes < Columns / 2 ? MostBytes : Columns / 2;
  localparam int unsigned TritWrites = Columns / TritBytes;  // more than of any other format
  localparam int unsigned WriteBits  = $clog2(TritWrites + 1);

  typedef logic [19:0]          word_t;
  typedef logic [WriteBits-1:0] writes_t;

  logic                active_q;   // a command without its last beat, or with beats in hand
  logic                half_q, trit_q;
  word_t               addr_q, left_q;
  // The beat in hand, from its next element on.
  logic                held_q, last_q;
  writes_t             writes_left_q;
  logic [BeatBits-1:0] data_q;
  logic                take, step, beat_ends;
  word_t               at_once;

  assign at_once   = trit_q ? 20'(Digits * TritBytes) : half_q ? 20'(HalvesAtOnce)
                                                              : 20'(WordsAtOnce);
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
      trit_q <= Cfg.group_scales && cmd_i.format == tern_pkg::FormatTrit;
      addr_q <= cmd_i.dst;
      left_q <= cmd_i.count;
    end else if (step) begin
      addr_q <= addr_q + at_once;
      left_q <= left_q <= at_once ? '0 : left_q - at_once;
    end
    if (take) begin
      data_q        <= beat_data_i;
      last_q        <= beat_last_i;
      writes_left_q <= trit_q ? WriteBits'(TritWrites - 1) :
                       half_q ? WriteBits'(HalfWrites - 1) : WriteBits'(WordWrites - 1);
    end else if (step) begin
      data_q        <= data_q >> (trit_q ? 8 * TritBytes :
                                  half_q ? 16 * HalvesAtOnce : 32 * WordsAtOnce);
      writes_left_q <= writes_left_q - 1'b1;
    end
  end

  // Trits of the bytes of which something is written.
  logic [Lanes-1:0]           nonzero, negative;
  logic [TritBytes-1:0]       illegal;
  if (Cfg.group_scales) begin : gen_trits
    logic [Digits*TritBytes-1:0] all_nonzero, all_negative;
    for (genvar k = 0; k < TritBytes; k++) begin : gen_decode
      t5_decode u_decode (
        .code_i     (data_q[8*k +: 8]),
        .enable_i   (trit_q && held_q && 20'(Digits * k) < left_q),
        .nonzero_o  (all_nonzero[Digits*k +: Digits]),
        .negative_o (all_negative[Digits*k +: Digits]),
        .illegal_o  (illegal[k])
      );
    end
    assign nonzero  = Lanes'(all_nonzero);
    assign negative = Lanes'(all_negative);
  end else begin : gen_no_trits
    assign nonzero  = '0;
    assign negative = '0;
    assign illegal  = '0;
  end
  always_comb begin
    illegal_o = '0;
    for (int unsigned k = 0; k < TritBytes; k++) begin
      illegal_o = illegal_o + CountBits'(step && illegal[k]);
    end
  end

  assign wr_valid_o = held_q && left_q != '0;
  assign wr_addr_o  = addr_q;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic [31:0] word, half, trit;
    if (i < WordsAtOnce) assign word = data_q[32*i +: 32];
    else                 assign word = '0;
    if (i < HalvesAtOnce) assign half = {{16{data_q[16*i + 15]}}, data_q[16*i +: 16]};
    else                  assign half = '0;
    assign trit = {{31{negative[i]}}, nonzero[i]};
    assign wr_mask_o[i]          = 20'(i) < at_once && 20'(i) < left_q;
    assign wr_data_o[32*i +: 32] = trit_q ? trit : half_q ? half : word;
  end

  // Fields for those who issue the command.
  logic unused_cmd;
  assign unused_cmd = ^{cmd_i.opcode, cmd_i.reserved0, cmd_i.reserved1, cmd_i.reserved2,
                        cmd_i.reserved3, cmd_i.reserved4, cmd_i.wait_load, cmd_i.wait_matmul,
                        cmd_i.wait_vector, cmd_i.wait_store, cmd_i.read_addr, cmd_i.beats};

`ifndef SYNTHESIS
  initial begin
    if (Cfg.group_scales && Lanes < Digits) begin
      $fatal(1, "stream_loader: %0d lanes take no code of trits", Lanes);
    end
  end

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
