// SPDX-License-Identifier: Apache-2.0
/// The end of the lanes: a line of results leaves, with `moves_o`, when the scratchpad
/// (`to_scratch_i`) and the top-k list (`to_list_i`) have taken it; the lanes may go on while
/// `free_o`.
///
/// The activation buffer, which always takes it, sees the line one cycle later: the low bytes, or
/// a limb of split_limbs() of softmax.hpp. So does `saturated_o`, the number of elements that
/// count.
module vector_output #(
  parameter int unsigned Lanes       = 16,
  parameter int unsigned OffsetBits  = 2,
  localparam int unsigned AddrBits   = vector_pkg::AddrBits,
  localparam int unsigned CountBits  = $clog2(Lanes + 1)
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  to_scratch_i,
  input  logic                  to_act_i,
  input  logic                  high_limb_i,
  input  logic                  to_list_i,

  input  logic                  valid_i,
  input  vector_pkg::line_t     line_i,
  input  logic [32*Lanes-1:0]   y_i,
  input  logic [Lanes-1:0]      saturated_i,
  output logic                  moves_o,
  output logic                  free_o,
  output logic [CountBits-1:0]  saturated_o,

  output logic                  wr_valid_o,
  input  logic                  wr_ready_i,
  output logic [AddrBits-1:0]   wr_addr_o,
  output logic [Lanes-1:0]      wr_mask_o,
  output logic [32*Lanes-1:0]   wr_data_o,

  input  logic                  list_ready_i,

  output logic                  act_valid_o,
  output logic [3:0]            act_column_o,
  output logic [11:0]           act_tile_o,
  output logic [OffsetBits-1:0] act_offset_o,
  output logic [Lanes-1:0]      act_mask_o,
  output logic [8*Lanes-1:0]    act_data_o
);
  logic             written_q, write_ok;
  logic [Lanes-1:0] live;

  for (genvar i = 0; i < Lanes; i++) begin : gen_live
    assign live[i] = 8'(i) < line_i.live;
  end

  assign write_ok = !to_scratch_i || written_q || wr_ready_i;
  assign moves_o  = valid_i && write_ok && (!to_list_i || list_ready_i);
  assign free_o   = !valid_i || moves_o;

  assign wr_valid_o = valid_i && to_scratch_i && !written_q;
  assign wr_addr_o  = line_i.dst;
  assign wr_mask_o  = live;
  assign wr_data_o  = y_i;

  function automatic logic [CountBits-1:0] ones(input logic [Lanes-1:0] bits);
    ones = '0;
    for (int unsigned i = 0; i < Lanes; i++) ones = ones + CountBits'(bits[i]);
  endfunction

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      written_q   <= 1'b0;
      act_valid_o <= 1'b0;
      saturated_o <= '0;
    end else begin
      written_q   <= valid_i && to_scratch_i && write_ok && !moves_o;
      act_valid_o <= moves_o && to_act_i;
      saturated_o <= moves_o ? ones(saturated_i & live) : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (moves_o && to_act_i) begin
      act_column_o <= line_i.act_column;
      act_tile_o   <= line_i.act_tile;
      act_offset_o <= OffsetBits'(line_i.act_offset);
      act_mask_o   <= live;
    end
  end

  for (genvar i = 0; i < Lanes; i++) begin : gen_act
    always_ff @(posedge clk_i) begin
      if (moves_o && to_act_i) begin
        act_data_o[8*i +: 8] <= high_limb_i ? y_i[32*i + 8 +: 8] + 8'(y_i[32*i + 7])
                                            : y_i[32*i +: 8];
      end
    end
  end

  logic unused_line;
  assign unused_line = ^line_i;

`ifndef SYNTHESIS
  handshake_checker #(.Width(AddrBits + 33*Lanes)) u_check_write (
    .clk_i, .rst_ni,
    .valid_i (wr_valid_o),
    .ready_i (wr_ready_i),
    .data_i  ({wr_addr_o, wr_mask_o, wr_data_o})
  );
`endif
endmodule
