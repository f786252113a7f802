// SPDX-License-Identifier: Apache-2.0
/// Turns the AXI bursts of both directions into one sequence of accesses that stay in one row.
///
/// A read burst is taken when it comes, a write burst once all of its beats wait in the write
/// buffer (`beat_i` pulses for each that enters), so that a slow writer never holds up readers; a
/// burst longer than the buffer is taken when the buffer is full. Bursts of one direction follow
/// each other, as each change costs time on the data bus, but at most MaxStreak while the other
/// direction waits. The address of a beat is {row, bank, column}: bursts over the end of a row go
/// on in the same row of the next bank, which can be opened meanwhile.
module sdram_requests #(
  parameter int unsigned AddrBits    = 40,
  parameter int unsigned RowBits     = 13,
  parameter int unsigned BeatBits    = 7,    // bits of a beat's place in its row
  parameter int unsigned WriteBeats  = 32,   // beats of the write buffer
  parameter int unsigned MaxStreak   = 8
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                ar_valid_i,
  output logic                ar_ready_o,
  input  logic [AddrBits-1:0] ar_addr_i,
  input  logic [7:0]          ar_len_i,
  input  logic                aw_valid_i,
  output logic                aw_ready_o,
  input  logic [AddrBits-1:0] aw_addr_i,
  input  logic [7:0]          aw_len_i,
  input  logic                beat_i,

  output logic                seg_valid_o,
  input  logic                seg_ready_i,
  output logic                seg_write_o,
  output logic                seg_outside_o,   // beyond the chip: no access must have an effect
  output logic                seg_last_o,      // the burst ends with it
  output logic [1:0]          seg_bank_o,
  output logic [RowBits-1:0]  seg_row_o,
  output logic [BeatBits-1:0] seg_beat_o,
  output logic [BeatBits:0]   seg_beats_o
);
  localparam int unsigned ByteBits     = 3;
  localparam int unsigned BeatAddrBits = AddrBits - ByteBits;
  localparam int unsigned ChipBits     = RowBits + 2 + BeatBits;
  localparam int unsigned StreakBits   = $clog2(MaxStreak + 1);
  localparam int unsigned CreditBits   = $clog2(WriteBeats + 257);

  // The burst that is being split.
  logic                    valid_q, write_q;
  logic [BeatAddrBits-1:0] addr_q;
  logic [8:0]              left_q;

  // Choice of the next burst.
  logic                    read_waits, write_waits, take_write, load, accept;
  logic [StreakBits-1:0]   streak_q;
  logic                    streak_ends;
  // Beats in the buffer that no burst taken so far needs; negative while a long burst is written.
  logic signed [CreditBits:0] credit_q;
  logic [8:0]              aw_beats, ar_beats, beats;

  assign aw_beats    = 9'(aw_len_i) + 9'd1;
  assign ar_beats    = 9'(ar_len_i) + 9'd1;
  assign beats       = take_write ? aw_beats : ar_beats;
  assign read_waits  = ar_valid_i;
  assign write_waits = aw_valid_i && (credit_q >= signed'((CreditBits+1)'(aw_beats)) ||
                                      credit_q == signed'((CreditBits+1)'(WriteBeats)));
  assign streak_ends = streak_q == '0;
  // write_q is the direction of the last burst.
  assign take_write  = write_waits && (!read_waits || write_q != streak_ends);
  assign load        = (!valid_q || (accept && seg_last_o)) && (read_waits || write_waits);
  assign ar_ready_o  = load && !take_write;
  assign aw_ready_o  = load && take_write;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q  <= 1'b0;
      write_q  <= 1'b0;
      streak_q <= StreakBits'(MaxStreak - 1);
      credit_q <= '0;
    end else begin
      if (load)                      valid_q <= 1'b1;
      else if (accept && seg_last_o) valid_q <= 1'b0;
      if (load) begin
        write_q <= take_write;
        if (take_write != write_q || !(read_waits && write_waits)) begin
          streak_q <= StreakBits'(MaxStreak - 1);
        end else if (!streak_ends) begin
          streak_q <= streak_q - 1'b1;
        end
      end
      credit_q <= credit_q + signed'((CreditBits+1)'(beat_i)) -
                  (aw_ready_o ? signed'((CreditBits+1)'(aw_beats)) : '0);
    end
  end

  // Split at the ends of rows.
  logic [BeatBits:0] to_row_end;
  assign to_row_end = (BeatBits+1)'(1 << BeatBits) - {1'b0, addr_q[BeatBits-1:0]};
  assign seg_last_o = 32'(left_q) <= 32'(to_row_end);
  assign accept     = valid_q && seg_ready_i;

  always_ff @(posedge clk_i) begin
    if (load) begin
      addr_q <= take_write ? aw_addr_i[AddrBits-1:ByteBits] : ar_addr_i[AddrBits-1:ByteBits];
      left_q <= beats;
    end else if (accept) begin
      addr_q <= addr_q + BeatAddrBits'(to_row_end);
      left_q <= left_q - 9'(to_row_end);
    end
  end

  assign seg_valid_o   = valid_q;
  assign seg_write_o   = write_q;
  assign seg_outside_o = addr_q[BeatAddrBits-1:ChipBits] != '0;
  assign seg_row_o     = addr_q[BeatBits+2 +: RowBits];
  assign seg_bank_o    = addr_q[BeatBits +: 2];
  assign seg_beat_o    = addr_q[BeatBits-1:0];
  assign seg_beats_o   = seg_last_o ? (BeatBits+1)'(left_q) : to_row_end;

  // The low address bits are zero by contract.
  logic unused_signals;
  assign unused_signals = ^{ar_addr_i[ByteBits-1:0], aw_addr_i[ByteBits-1:0]};

`ifndef SYNTHESIS
  initial begin
    if (MaxStreak < 2 || BeatBits < 5 || BeatBits > 8) begin
      $fatal(1, "sdram_requests: MaxStreak %0d, BeatBits %0d", MaxStreak, BeatBits);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertReadAligned:  assert (!ar_ready_o || ar_addr_i[ByteBits-1:0] == '0);
      AssertWriteAligned: assert (!aw_ready_o || aw_addr_i[ByteBits-1:0] == '0);
    end
  end
`endif
endmodule
