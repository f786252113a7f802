// SPDX-License-Identifier: Apache-2.0
/// Runs SCALAR commands, a row after the other, so that a row may read what the one before wrote.
///
/// `start_i` takes the command. A row takes 3 cycles, or two more than the scale unit needs;
/// TopKClear one. `done_o` comes with the last write. With Registered, operands and what is first
/// found out of them go through registers, and a row takes two cycles more.
module scalar_sequencer #(
  parameter bit Registered = 1'b0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  start_i,
  input  tern_pkg::scalar_cmd_t start_command_i,
  input  tern_pkg::scalar_cmd_t command_i,
  output logic                  done_o,

  output logic                  read_o,
  output logic [7:0]            a_index_o,
  output logic [7:0]            b_index_o,
  input  logic [63:0]           a_i,
  input  logic [63:0]           b_i,

  output logic                  write_o,
  output logic [7:0]            write_index_o,
  output logic [63:0]           write_data_o,

  output logic                  clear_o,
  output logic [6:0]            keep_o
);
  typedef enum logic [2:0] {StIdle, StRead, StOperands, StSettle, StCompute, StScale, StWrite, StClear} state_e;

  state_e      state_q;
  logic [15:0] rows_q;  // rows after this one
  logic [7:0]  a_q, b_q, d_q;
  logic [31:0] bits_q;
  logic        common, of_scales, scaled, row_ends;
  logic [63:0] scale;
  logic [6:0]  width, a_width, b_width, a_width_d, b_width_d;

  logic [63:0] a, b;
  if (Registered) begin : gen_registered
    logic [63:0] operand_a_q, operand_b_q;
    always_ff @(posedge clk_i) begin
      if (state_q == StOperands) begin
        operand_a_q <= a_i;
        operand_b_q <= b_i;
      end
    end
    assign a = operand_a_q;
    assign b = operand_b_q;

    logic [6:0] a_width_q, b_width_q;
    always_ff @(posedge clk_i) begin
      a_width_q <= a_width_d;
      b_width_q <= b_width_d;
    end
    assign a_width = a_width_q;
    assign b_width = b_width_q;
  end else begin : gen_direct
    assign a       = a_i;
    assign b       = b_i;
    assign a_width = a_width_d;
    assign b_width = b_width_d;
  end

  function automatic logic [6:0] bit_width(input logic [31:0] value);
    bit_width = '0;
    for (int unsigned i = 0; i < 32; i++) begin
      if (value[i]) bit_width = 7'(i + 1);
    end
  endfunction

  // Known before the first row is there.
  always_ff @(posedge clk_i) begin
    common    <= command_i.op == tern_pkg::ScalarOpCommonExponent;
    of_scales <= tern_pkg::scalar_op_of_scale_unit(command_i.op);
  end

  assign a_width_d = bit_width(a[31:0]);
  assign b_width_d = bit_width(command_i.op == tern_pkg::ScalarOpBits64 ? a[63:32] : b[31:0]);
  always_comb begin
    width = a_width;
    if (command_i.op == tern_pkg::ScalarOpBits64) begin
      if (b_width != '0) width = 7'd32 + b_width;
    end else if (command_i.use_b) begin
      width = a_width + b_width;
    end
  end

  scale_unit #(.Registered(Registered)) u_scales (
    .clk_i, .rst_ni,
    .start_i    (state_q == StCompute && of_scales),
    .op_i       (command_i.op),
    .use_b_i    (command_i.use_b),
    .times_b_i  (command_i.times_b),
    .constant_i (command_i.constant),
    .a_i        (a),
    .b_i        (b),
    .done_o     (scaled),
    .result_o   (scale)
  );

  // The largest exponent among the rows' scales that are not 0.
  logic        any_q;
  logic [31:0] largest_q;

  assign row_ends = state_q == StWrite || (state_q == StScale && scaled);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StRead:           state_q <= Registered ? StOperands : StCompute;
        StOperands:       state_q <= StSettle;
        StSettle:         state_q <= StCompute;
        StCompute:        state_q <= of_scales ? StScale : StWrite;
        StScale, StWrite: if (row_ends) state_q <= rows_q == '0 ? StIdle : StRead;
        StClear:          state_q <= StIdle;
        default: begin
          if (start_i) begin
            state_q <= start_command_i.op == tern_pkg::ScalarOpTopKClear ? StClear : StRead;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      rows_q <= start_command_i.rows - 16'd1;
      a_q    <= start_command_i.ra;
      b_q    <= start_command_i.rb;
      d_q    <= start_command_i.rd;
      any_q  <= 1'b0;
    end else if (row_ends) begin
      rows_q <= rows_q - 16'd1;
      a_q    <= a_q + 8'(command_i.step_a);
      b_q    <= b_q + 8'(command_i.step_b);
      if (!common) d_q <= d_q + 8'd1;
    end
    if (state_q == StCompute) begin
      bits_q <= 32'(width) > command_i.constant ? 32'(width) - command_i.constant : '0;
      if (a[31:0] != '0 && (!any_q || $signed(a[63:32]) > $signed(largest_q))) begin
        any_q     <= 1'b1;
        largest_q <= a[63:32];
      end
    end
  end

  always_comb begin
    write_data_o = {bits_q, bits_q};
    if (of_scales) write_data_o = scale;
    if (common)    write_data_o = {any_q ? largest_q + 32'd31 : '0, 32'd1};
  end

  assign read_o        = state_q == StRead;
  assign a_index_o     = a_q;
  assign b_index_o     = b_q;
  assign write_o       = row_ends && (!common || rows_q == '0);
  assign write_index_o = d_q;
  assign clear_o       = state_q == StClear;
  assign keep_o        = command_i.constant[6:0];
  assign done_o        = (row_ends && rows_q == '0) || state_q == StClear;

  logic unused_command;
  assign unused_command = ^{start_command_i, command_i};
endmodule
