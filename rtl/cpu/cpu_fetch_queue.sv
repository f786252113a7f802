// SPDX-License-Identifier: Apache-2.0
/// As cpu_fetch, for a slow fabric: instructions come from registers. Up to three wait there, so that
/// what the memory is asked for does not depend on what execution does in the same cycle.
///
/// The memory answers in the next cycle, with `arrives_o`; `word_i` is what has been made of its answer. `word_o` is
/// that of the instruction at `pc_o` while `valid_o`; it stays until `next_i`. `redirect_i` together with `next_i` goes on at `target_i`, which costs two
/// cycles without an instruction.
module cpu_fetch_queue #(
  parameter int unsigned WordBits   = 32,
  parameter logic [31:0] InstrBase  = 32'h0000_0000,
  parameter int unsigned InstrBytes = 32768,
  parameter logic [31:0] BootPc     = InstrBase
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        run_i,

  input  logic        next_i,
  input  logic        redirect_i,
  input  logic [31:0] target_i,

  output logic        valid_o,
  output logic [WordBits-1:0] word_o,
  output logic [31:0] pc_o,
  output logic [31:0] next_pc_o,
  output logic        fault_o,

  output logic        fetch_o,
  output logic [31:0] fetch_addr_o,
  output logic        arrives_o,
  input  logic [WordBits-1:0] word_i
);
  localparam int unsigned Places = 3;
  localparam int unsigned Bits   = WordBits + 1;  // and fault

  logic [Bits*Places-1:0] queue_q;
  logic [1:0]             count_q, left;
  logic                   flight_q, flight_fault_q, pop, outside;
  logic [31:0]            pc_q, fetch_pc_q;

  assign outside      = ((fetch_pc_q ^ InstrBase) & ~(InstrBytes - 1)) != '0;
  assign fetch_addr_o = fetch_pc_q;
  assign fetch_o      = run_i && 3'(count_q) + 3'(flight_q) < 3'(Places);

  assign arrives_o = flight_q;
  assign valid_o   = count_q != '0;
  assign {fault_o, word_o} = queue_q[Bits-1:0];
  assign pc_o      = pc_q;
  assign next_pc_o = pc_q + 32'd4;
  assign pop       = next_i && valid_o;
  assign left      = count_q - 2'(pop);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q    <= '0;
      flight_q   <= 1'b0;
      pc_q       <= BootPc;
      fetch_pc_q <= BootPc;
    end else if (!run_i) begin
      count_q    <= '0;
      flight_q   <= 1'b0;
      pc_q       <= BootPc;
      fetch_pc_q <= BootPc;
    end else if (redirect_i) begin
      count_q    <= '0;
      flight_q   <= 1'b0;
      pc_q       <= target_i;
      fetch_pc_q <= target_i;
    end else begin
      count_q  <= left + 2'(flight_q);
      flight_q <= fetch_o;
      if (pop)     pc_q       <= pc_q + 32'd4;
      if (fetch_o) fetch_pc_q <= fetch_pc_q + 32'd4;
    end
  end

  always_ff @(posedge clk_i) begin
    flight_fault_q <= outside;
    if (pop) queue_q <= queue_q >> Bits;
    for (int unsigned i = 0; i < Places; i++) begin
      if (flight_q && left == 2'(i)) queue_q[Bits*i +: Bits] <= {flight_fault_q, word_i};
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_o) AssertAligned: assert (pc_q[1:0] == 2'b00);
    if (rst_ni) begin
      AssertRoom: assert (!flight_q || count_q < 2'(Places));
      AssertRedirects: assert (!redirect_i || next_i);
    end
  end
`endif
endmodule
