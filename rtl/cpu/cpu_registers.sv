// SPDX-License-Identifier: Apache-2.0
/// The 32 registers: two reads in the same cycle, one write at its end. Register 0 reads as zero.
///
/// A read sees the writes of earlier cycles only. Not reset, so that the storage maps onto
/// distributed RAM: a program sets a register before it reads it.
module cpu_registers (
  input  logic        clk_i,

  input  logic [4:0]  rs1_i,
  output logic [31:0] rs1_data_o,
  input  logic [4:0]  rs2_i,
  output logic [31:0] rs2_data_o,

  input  logic        write_i,
  input  logic [4:0]  rd_i,
  input  logic [31:0] rd_data_i
);
  (* ram_style = "distributed" *)
  logic [31:0] regs_q [32];

  assign rs1_data_o = rs1_i == 5'd0 ? '0 : regs_q[rs1_i];
  assign rs2_data_o = rs2_i == 5'd0 ? '0 : regs_q[rs2_i];

  always_ff @(posedge clk_i) begin
    if (write_i) regs_q[rd_i] <= rd_data_i;
  end
endmodule
