// SPDX-License-Identifier: Apache-2.0
/// The int32 accumulators of one row in five and one activation column: Depth entries.
///
/// `add_i` overwrites (`first_i`) or adds to the entry `add_entry_i` in this cycle, so that the
/// same entry can follow in the next one; the owner sees to it that no sum leaves int32. `read_i`
/// gives the entry `read_entry_i` on `data_o` in the next cycle and until the next read.
module accumulator_bank #(
  parameter int unsigned Depth = 52
) (
  input  logic                             clk_i,

  input  logic                             add_i,
  input  logic                             first_i,
  input  logic [engine_pkg::EntryBits-1:0] add_entry_i,
  input  logic [31:0]                      addend_i,

  input  logic                             read_i,
  input  logic [engine_pkg::EntryBits-1:0] read_entry_i,
  output logic [31:0]                      data_o
);
  localparam int unsigned IndexBits = $clog2(Depth);

  logic [31:0]          mem_q [Depth];
  logic [IndexBits-1:0] add_index, read_index;

  assign add_index  = add_entry_i[IndexBits-1:0];
  assign read_index = read_entry_i[IndexBits-1:0];

  always_ff @(posedge clk_i) begin
    if (add_i)  mem_q[add_index] <= (first_i ? 32'd0 : mem_q[add_index]) + addend_i;
    if (read_i) data_o <= mem_q[read_index];
  end

`ifndef SYNTHESIS
  // Immediate assertions: a concurrent one would copy the memory in every evaluation.
  always_ff @(posedge clk_i) begin : check
    logic [31:0] old_sum, new_sum;
    if (add_i) begin
      old_sum = mem_q[add_index];
      new_sum = old_sum + addend_i;
      AssertAddInRange: assert (32'(add_entry_i) < Depth);
      AssertSumInRange: assert (first_i ||
                                (signed'(new_sum) < signed'(old_sum)) == addend_i[31]);
    end
    if (read_i) AssertReadInRange: assert (32'(read_entry_i) < Depth);
  end
`else
  logic unused_entries;
  assign unused_entries = ^{add_entry_i, read_entry_i};
`endif
endmodule
