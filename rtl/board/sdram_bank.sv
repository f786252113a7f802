// SPDX-License-Identifier: Apache-2.0
/// State of one bank of an SDRAM: its open row, and when the next command may reach it.
///
/// Each command is a pulse in the cycle in which the scheduler decides on it; `can_*` tell whether
/// that is allowed in this cycle as far as this bank is concerned. Times are in clock cycles from
/// command to command; an access is a burst of four words. A precharge of a closed bank is allowed.
module sdram_bank #(
  parameter int unsigned RowBits = 13,
  parameter int unsigned TRcd    = 2,   // activate to access
  parameter int unsigned TRp     = 2,   // precharge to activate
  parameter int unsigned TRas    = 5,   // activate to precharge
  parameter int unsigned TRc     = 7,   // activate to activate or refresh
  parameter int unsigned TWr     = 2    // last word written to precharge
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               activate_i,
  input  logic [RowBits-1:0] row_i,
  input  logic               precharge_i,
  input  logic               read_i,
  input  logic               write_i,

  output logic               open_o,
  output logic [RowBits-1:0] row_o,
  output logic               can_activate_o,   // or be refreshed
  output logic               can_precharge_o,
  output logic               can_access_o
);
  localparam int unsigned BurstWords = 4;
  typedef logic [4:0] timer_t;
  localparam timer_t AfterRead  = 5'(BurstWords - 1);
  localparam timer_t AfterWrite = 5'(BurstWords - 1 + TWr - 1);

  timer_t             activate_q, precharge_q, access_q;
  logic               open_q;
  logic [RowBits-1:0] row_q;

  function automatic timer_t count_down(input timer_t timer);
    count_down = timer == '0 ? '0 : timer - 5'd1;
  endfunction

  function automatic timer_t at_least(input timer_t timer, input timer_t floor);
    at_least = count_down(timer) > floor ? count_down(timer) : floor;
  endfunction

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      open_q      <= 1'b0;
      activate_q  <= '0;
      precharge_q <= '0;
      access_q    <= '0;
    end else begin
      if (activate_i)       open_q <= 1'b1;
      else if (precharge_i) open_q <= 1'b0;

      if (activate_i)       activate_q <= 5'(TRc - 1);
      else if (precharge_i) activate_q <= at_least(activate_q, 5'(TRp - 1));
      else                  activate_q <= count_down(activate_q);

      if (activate_i)   precharge_q <= 5'(TRas - 1);
      else if (read_i)  precharge_q <= at_least(precharge_q, AfterRead);
      else if (write_i) precharge_q <= at_least(precharge_q, AfterWrite);
      else              precharge_q <= count_down(precharge_q);

      if (activate_i) access_q <= 5'(TRcd - 1);
      else            access_q <= count_down(access_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (activate_i) row_q <= row_i;
  end

  assign open_o          = open_q;
  assign row_o           = row_q;
  assign can_activate_o  = !open_q && activate_q == '0;
  assign can_precharge_o = precharge_q == '0;
  assign can_access_o    = open_q && access_q == '0;

`ifndef SYNTHESIS
  initial begin
    if (TRcd < 1 || TRp < 1 || TRas < 1 || TRc < 1 || TWr < 1 || TRc > 32 || TRas > 32 ||
        TRcd > 32 || TRp > 32 || TWr > 16) begin
      $fatal(1, "sdram_bank: TRcd %0d, TRp %0d, TRas %0d, TRc %0d, TWr %0d", TRcd, TRp, TRas, TRc,
             TWr);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      AssertActivate:  assert (!activate_i || can_activate_o);
      AssertPrecharge: assert (!precharge_i || can_precharge_o);
      AssertAccess:    assert (!(read_i || write_i) || can_access_o);
    end
  end
`endif
endmodule
