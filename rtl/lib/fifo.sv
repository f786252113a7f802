// SPDX-License-Identifier: Apache-2.0
/// First-in first-out buffer on a memory with one write port and one registered read port.
///
/// A word that is accepted on the write side (`wr_valid_i && wr_ready_o`) appears on the read side
/// two cycles later at the earliest, and the buffer then moves one word every cycle. Both sides are
/// valid/ready; `rd_data_o` holds while `rd_valid_o && !rd_ready_i`. `usage_o` counts the words
/// inside. The read address is known a cycle ahead, so that the storage maps onto block RAM: it is
/// never shifted and never reset. Depth may be any number from 2 up.
module fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 4,
  localparam int unsigned UsageWidth = $clog2(Depth + 1)
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  wr_valid_i,
  output logic                  wr_ready_o,
  input  logic [Width-1:0]      wr_data_i,

  output logic                  rd_valid_o,
  input  logic                  rd_ready_i,
  output logic [Width-1:0]      rd_data_o,

  output logic [UsageWidth-1:0] usage_o
);
  localparam int unsigned PtrWidth = $clog2(Depth);
  localparam logic [PtrWidth-1:0] LastPtr = PtrWidth'(Depth - 1);

  logic [Width-1:0]      mem_q [Depth];
  logic [Width-1:0]      rd_data_q;
  logic [PtrWidth-1:0]   wr_ptr_q;
  logic [PtrWidth-1:0]   rd_ptr_d, rd_ptr_q;
  logic [UsageWidth-1:0] usage_q;
  logic                  rd_valid_q;
  logic                  push, pop;

  assign wr_ready_o = usage_q != UsageWidth'(Depth);
  assign push       = wr_valid_i && wr_ready_o;
  assign pop        = rd_valid_q && rd_ready_i;
  assign rd_ptr_d   = !pop ? rd_ptr_q : (rd_ptr_q == LastPtr ? '0 : rd_ptr_q + 1'b1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_ptr_q   <= '0;
      rd_ptr_q   <= '0;
      usage_q    <= '0;
      rd_valid_q <= 1'b0;
    end else begin
      if (push) wr_ptr_q <= wr_ptr_q == LastPtr ? '0 : wr_ptr_q + 1'b1;
      rd_ptr_q   <= rd_ptr_d;
      usage_q    <= usage_q + UsageWidth'(push) - UsageWidth'(pop);
      // The word pushed in this cycle is not readable in the next one: its write is in flight.
      rd_valid_q <= usage_q != UsageWidth'(pop);
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) mem_q[wr_ptr_q] <= wr_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rd_valid_q || pop) rd_data_q <= mem_q[rd_ptr_d];
  end

  assign rd_valid_o = rd_valid_q;
  assign rd_data_o  = rd_data_q;
  assign usage_o    = usage_q;

`ifndef SYNTHESIS
  initial begin
    if (Depth < 2) $fatal(1, "fifo: Depth must be at least 2, is %0d", Depth);
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (usage_q <= UsageWidth'(Depth)) else $error("overflow");
      assert (!rd_valid_q || usage_q != '0) else $error("underflow");
    end
  end
`endif
endmodule
