// SPDX-License-Identifier: Apache-2.0
/// Shows the ports of a cpu_core to the simulation, once a cycle just before the rising edge, and
/// what happens in it: whether an instruction completes, jumps, or writes a register. A word each,
/// in the order of CoreWord (recording.hpp), the first at the right. Nothing depends on it.
module core_recorder (
  input logic             clk_i,
  input logic [32*24-1:0] words_i
);
  import "DPI-C" function void tern_core_cycle(input bit [32*24-1:0] words);

  always_ff @(posedge clk_i) tern_core_cycle(words_i);
endmodule

bind cpu_core core_recorder u_recorder (
  .clk_i,
  .words_i ({
    w_rd_data, 27'd0, w_valid_q ? w_rd_q : 5'd0, 32'(x_done && taken), 32'(x_done),
    mmio_data_o, 32'(mmio_strobe_o), mmio_addr_o, 32'(mmio_write_o), 32'(mmio_valid_o),
    ram_data_o, 32'(ram_strobe_o), ram_addr_o, 32'(ram_valid_o),
    fetch_addr_o, 32'(fetch_o), 32'(trap_o), 32'(running_o),
    32'(mmio_error_i), mmio_data_i, 32'(mmio_ready_i), ram_data_i, fetch_data_i,
    32'(run_i), 32'(rst_ni)
  })
);
