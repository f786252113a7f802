// SPDX-License-Identifier: Apache-2.0
/// The scalar registers: 64 bits each, two registered read ports and one write port.
///
/// Port a gives its register in the cycle after `a_read_i` and keeps it until the next one; so
/// does port b, which the outside has whenever `b_read_i` is low. Writes from inside come first.
/// What is written in a cycle is read from the next one on.
module scalar_file (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        a_read_i,
  input  logic [7:0]  a_index_i,
  output logic [63:0] a_data_o,

  input  logic        b_read_i,
  input  logic [7:0]  b_index_i,
  output logic [63:0] b_data_o,

  input  logic        write_i,
  input  logic [7:0]  write_index_i,
  input  logic [63:0] write_data_i,

  input  logic        ext_wr_valid_i,
  output logic        ext_wr_ready_o,
  input  logic [7:0]  ext_wr_index_i,
  input  logic [1:0]  ext_wr_strobe_i,
  input  logic [63:0] ext_wr_data_i,

  input  logic        ext_rd_valid_i,
  output logic        ext_rd_ready_o,
  input  logic [7:0]  ext_rd_index_i,
  output logic [63:0] ext_rd_data_o,
  output logic        ext_rd_done_o
);
  logic [31:0] low_q  [tern_pkg::ScalarRegs];
  logic [31:0] high_q [tern_pkg::ScalarRegs];

  logic        write_low, write_high;
  logic [7:0]  write_index, b_index;
  logic [63:0] write_data;
  logic        ext_rd_done_q;

  assign ext_wr_ready_o = !write_i;
  assign ext_rd_ready_o = !b_read_i;

  assign write_low   = write_i || (ext_wr_valid_i && ext_wr_strobe_i[0]);
  assign write_high  = write_i || (ext_wr_valid_i && ext_wr_strobe_i[1]);
  assign write_index = write_i ? write_index_i : ext_wr_index_i;
  assign write_data  = write_i ? write_data_i : ext_wr_data_i;
  assign b_index     = b_read_i ? b_index_i : ext_rd_index_i;

  always_ff @(posedge clk_i) begin
    if (write_low)  low_q[write_index]  <= write_data[31:0];
    if (write_high) high_q[write_index] <= write_data[63:32];
    if (a_read_i) a_data_o <= {high_q[a_index_i], low_q[a_index_i]};
    if (b_read_i || ext_rd_valid_i) b_data_o <= {high_q[b_index], low_q[b_index]};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) ext_rd_done_q <= 1'b0;
    else         ext_rd_done_q <= ext_rd_valid_i && ext_rd_ready_o;
  end

  assign ext_rd_data_o = b_data_o;
  assign ext_rd_done_o = ext_rd_done_q;
endmodule
