// SPDX-License-Identifier: Apache-2.0
/// What a load or store means for the memories: where it goes, which bytes, what a load returns.
/// Combinational. `*_x_*` serve the access while it executes, `*_w_*` the load a stage later.
///
/// The windows are as large as their alignment. A misaligned access goes nowhere.
module cpu_load_store #(
  parameter logic [31:0] DataBase  = 32'h1000_0000,
  parameter int unsigned DataBytes = 32768,
  parameter logic [31:0] MmioBase  = 32'h8000_0000,
  parameter int unsigned MmioBytes = 32'h8000_0000
) (
  input  logic [31:0] addr_x_i,
  input  logic [1:0]  size_x_i,        // funct3[1:0]: byte, half word, word
  input  logic [31:0] store_x_i,
  output logic        misaligned_x_o,
  output logic        to_ram_x_o,
  output logic        to_mmio_x_o,
  output logic [3:0]  strobe_x_o,
  output logic [31:0] store_x_o,

  input  logic [1:0]  offset_w_i,
  input  logic [2:0]  funct3_w_i,
  input  logic [31:0] word_w_i,
  output logic [31:0] load_w_o
);
  logic [7:0]  load_byte;
  logic [15:0] load_half;

  assign misaligned_x_o = (size_x_i[0] && addr_x_i[0]) || (size_x_i[1] && addr_x_i[1:0] != 2'b00);
  assign to_ram_x_o  = !misaligned_x_o && ((addr_x_i ^ DataBase) & ~(DataBytes - 1)) == '0;
  assign to_mmio_x_o = !misaligned_x_o && ((addr_x_i ^ MmioBase) & ~(MmioBytes - 1)) == '0;

  // Every lane gets the data that it would take; the strobes choose.
  always_comb begin
    case (size_x_i)
      2'b00: begin
        strobe_x_o = 4'b0001 << addr_x_i[1:0];
        store_x_o  = {4{store_x_i[7:0]}};
      end
      2'b01: begin
        strobe_x_o = addr_x_i[1] ? 4'b1100 : 4'b0011;
        store_x_o  = {2{store_x_i[15:0]}};
      end
      default: begin
        strobe_x_o = 4'b1111;
        store_x_o  = store_x_i;
      end
    endcase
  end

  assign load_half = offset_w_i[1] ? word_w_i[31:16] : word_w_i[15:0];
  assign load_byte = offset_w_i[0] ? load_half[15:8] : load_half[7:0];

  always_comb begin
    case (funct3_w_i[1:0])
      2'b00:   load_w_o = {{24{load_byte[7] && !funct3_w_i[2]}}, load_byte};
      2'b01:   load_w_o = {{16{load_half[15] && !funct3_w_i[2]}}, load_half};
      default: load_w_o = word_w_i;
    endcase
  end
endmodule
