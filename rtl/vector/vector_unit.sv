// SPDX-License-Identifier: Apache-2.0
/// The vector unit: runs VECTOR and SCALAR commands in order, one at a time.
///
/// `cmd_i` is a legal command. `done_o` pulses for each one when all that it writes is visible: a
/// read of the scratchpad or of a scalar register that is accepted in that cycle sees it. The next
/// command may have started by then. `op_o` is valid while `busy_o`: bit 5 set for SCALAR, below it
/// VectorOp or ScalarOp. `saturated_o` counts the elements of Mac that saturated. Activations for a
/// tile or column that the buffer does not have go nowhere and pulse `act_error_o`.
///
///   walker -> scratchpad -> operand queue -> issue, lanes -> output -> scratchpad
///                                                   |         |---> activation buffer
///                                                   +---------+---> reduce -> scalar file
///                                                             +---> top-k list
///
/// The lanes stop together while the output waits for the scratchpad or for the top-k list.
module vector_unit #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig,
  localparam int unsigned Columns    = Cfg.columns,
  localparam int unsigned Lanes      = Cfg.lanes,
  localparam int unsigned AddrBits   = vector_pkg::AddrBits,
  localparam int unsigned OffsetBits = Columns > Lanes ? $clog2(Columns / Lanes) : 1,
  localparam int unsigned CountBits  = $clog2(Lanes + 1)
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  // Commands
  input  logic                  cmd_valid_i,
  output logic                  cmd_ready_o,
  input  logic [255:0]          cmd_i,
  output logic                  done_o,
  output logic                  busy_o,
  output logic [5:0]            op_o,
  output logic [CountBits-1:0]  saturated_o,

  // Scratchpad
  output logic                  rd_valid_o,
  input  logic                  rd_ready_i,
  output logic [AddrBits-1:0]   rd_addr_o,
  input  logic                  rd_data_valid_i,
  input  logic [32*Lanes-1:0]   rd_data_i,
  output logic                  wr_valid_o,
  input  logic                  wr_ready_i,
  output logic [AddrBits-1:0]   wr_addr_o,
  output logic [Lanes-1:0]      wr_mask_o,
  output logic [32*Lanes-1:0]   wr_data_o,

  // Activation buffer
  output logic                  act_valid_o,
  output logic                  act_error_o,
  output logic [3:0]            act_column_o,
  output logic [11:0]           act_tile_o,
  output logic [OffsetBits-1:0] act_offset_o,
  output logic [Lanes-1:0]      act_mask_o,
  output logic [8*Lanes-1:0]    act_data_o,

  // Scalar registers
  input  logic                  ext_wr_valid_i,
  output logic                  ext_wr_ready_o,
  input  logic [7:0]            ext_wr_index_i,
  input  logic [1:0]            ext_wr_strobe_i,
  input  logic [63:0]           ext_wr_data_i,
  input  logic                  ext_rd_valid_i,
  output logic                  ext_rd_ready_o,
  input  logic [7:0]            ext_rd_index_i,
  output logic [63:0]           ext_rd_data_o,
  output logic                  ext_rd_done_o,

  // Top-k list
  output logic [6:0]            topk_count_o,
  input  logic [5:0]            topk_index_i,
  output logic [31:0]           topk_value_o,
  output logic [31:0]           topk_number_o
);
  typedef enum logic [1:0] {StIdle, StVector, StScalar} state_e;

  state_e                state_q;
  logic [255:0]          command_q;
  tern_pkg::vector_cmd_t command, start_command;
  tern_pkg::scalar_cmd_t scalar_command, start_scalar_command;
  logic                  accepted, start_vector, start_scalar;
  logic                  vector_done, scalar_done, finished_q, done_q;

  assign command              = command_q;
  assign scalar_command       = command_q;
  assign start_command        = cmd_i;
  assign start_scalar_command = cmd_i;

  assign cmd_ready_o  = state_q == StIdle;
  assign accepted     = cmd_valid_i && cmd_ready_o;
  assign start_vector = accepted && start_command.opcode == tern_pkg::ChipOpcodeVector;
  assign start_scalar = accepted && start_command.opcode == tern_pkg::ChipOpcodeScalar;
  assign busy_o       = state_q != StIdle || finished_q || done_q;
  assign op_o         = {command.opcode == tern_pkg::ChipOpcodeScalar, command.op};
  assign done_o       = done_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q    <= StIdle;
      finished_q <= 1'b0;
      done_q     <= 1'b0;
    end else begin
      // A write to the scratchpad is visible two cycles after it was accepted.
      finished_q <= vector_done || scalar_done;
      done_q     <= finished_q;
      if (start_vector)                    state_q <= StVector;
      else if (start_scalar)               state_q <= StScalar;
      else if (vector_done || scalar_done) state_q <= StIdle;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accepted) command_q <= cmd_i;
  end

  // What the command asks for: known a cycle after the command, before its first operands.
  logic reduces, top_k, acts, to_act, to_scratch, high_limb, wide;
  logic multiplies, only_reduces;

  assign only_reduces = tern_pkg::vector_op_only_reduces(command.op);
  assign acts         = !only_reduces && tern_pkg::dest_to_activations(command.dest);
  always_ff @(posedge clk_i) begin
    multiplies <= tern_pkg::vector_op_takes_multiplier(command.op);
    top_k      <= command.reduce == tern_pkg::ReduceTopK;
    reduces    <= tern_pkg::reduce_writes_register(command.reduce);
    wide       <= only_reduces || (command.op == tern_pkg::VectorOpJoin &&
                                   command.reduce == tern_pkg::ReduceMaxAbs);
    to_act     <= acts;
    to_scratch <= !only_reduces && (command.dest == tern_pkg::DestScratch ||
                                    (acts && command.keep));
    high_limb  <= command.dest == tern_pkg::DestActHigh;
  end

  // Requests and operands.
  logic                request, room, head_valid, pop, scalar_row_read;
  vector_pkg::line_t   request_line, head_line;
  vector_pkg::shift_t  row_shift, head_shift;
  logic [32*Lanes-1:0] head;
  logic [31:0]         head_scalar;
  logic [7:0]          scalar_row_index;
  logic [63:0]         a_data, b_data;
  logic [3:0]          distance;
  logic [31:0]         row_scalar_q, row_k_q;

  assign request = rd_valid_o && rd_ready_i;

  // The scalar register of the row, one cycle after it was read.
  always_ff @(posedge clk_i) begin
    row_scalar_q <= a_data[31:0];
    row_k_q      <= multiplies || command.use_scalar ? a_data[63:32] : {26'd0, command.shift};
  end
  assign row_shift = vector_pkg::decode_shift(row_k_q, multiplies);

  vector_walker #(.Columns(Columns), .Lanes(Lanes), .Registered(Cfg.small_fabric)) u_walker (
    .clk_i, .rst_ni,
    .start_i         (start_vector),
    .start_command_i (start_command),
    .command_i       (command),
    .room_i          (room),
    .rd_valid_o, .rd_ready_i, .rd_addr_o,
    .line_o          (request_line),
    .scalar_read_o   (scalar_row_read),
    .scalar_index_o  (scalar_row_index),
    .scalar_k_i      (a_data[63:32]),
    .distance_o      (distance)
  );

  operand_queue #(.Lanes(Lanes), .Registered(Cfg.small_fabric)) u_queue (
    .clk_i, .rst_ni,
    .room_o       (room),
    .request_i    (request),
    .line_i       (request_line),
    .scalar_i     (row_scalar_q),
    .shift_i      (row_shift),
    .data_valid_i (rd_data_valid_i),
    .data_i       (rd_data_i),
    .valid_o      (head_valid),
    .pop_i        (pop),
    .data_o       (head),
    .line_o       (head_line),
    .scalar_o     (head_scalar),
    .shift_o      (head_shift)
  );

  // Lanes and output.
  vector_pkg::issue_t  issue;
  vector_pkg::step_t   issue_step;
  vector_pkg::line_t   product_line, output_line;
  vector_pkg::line_t   lanes_line;
  logic                lanes_move, lanes_valid, product_moves, output_valid, output_moves, output_free;
  logic                list_ready, list_idle;
  logic [64*Lanes-1:0] products;
  logic [32*Lanes-1:0] lanes_y, y;
  logic [Lanes-1:0]    lanes_saturated, saturated;

  vector_issue #(.Lanes(Lanes)) u_issue (
    .clk_i, .rst_ni,
    .op_i         (command.op),
    .distance_i   (distance),
    .moves_i      (lanes_move),
    .head_valid_i (head_valid),
    .head_line_i  (head_line),
    .head_shift_i (head_shift),
    .pop_o        (pop),
    .issue_o      (issue),
    .step_o       (issue_step)
  );

  vector_lanes #(.Lanes(Lanes), .BlockTables(Cfg.small_fabric)) u_lanes (
    .clk_i, .rst_ni,
    .op_i           (command.op),
    .distance_i     (distance),
    .issue_i        (issue),
    .step_i         (issue_step),
    .head_i         (head),
    .scalar_i       (head_scalar),
    .view_shift_i   (head_shift),
    .moves_i        (lanes_move),
    .product_o      (product_moves),
    .product_line_o (product_line),
    .products_o     (products),
    .valid_o        (lanes_valid),
    .line_o         (lanes_line),
    .y_o            (lanes_y),
    .saturated_o    (lanes_saturated)
  );

  if (Cfg.small_fabric) begin : gen_results
    elastic #(.Width(vector_pkg::LineBits + 33 * Lanes)) u_results (
      .clk_i, .rst_ni,
      .valid_i (lanes_valid),
      .ready_o (lanes_move),
      .data_i  ({lanes_line, lanes_y, lanes_saturated}),
      .valid_o (output_valid),
      .ready_i (output_moves),
      .data_o  ({output_line, y, saturated})
    );
  end else begin : gen_no_results
    assign lanes_move   = output_free;
    assign output_valid = lanes_valid;
    assign output_line  = lanes_line;
    assign y            = lanes_y;
    assign saturated    = lanes_saturated;
  end

  logic act_valid, act_inside;
  assign act_inside  = 32'(act_tile_o) < Cfg.act_depth && 32'(act_column_o) < Cfg.act_columns;
  assign act_valid_o = act_valid && act_inside;
  assign act_error_o = act_valid && !act_inside;

  vector_output #(.Lanes(Lanes), .OffsetBits(OffsetBits)) u_output (
    .clk_i, .rst_ni,
    .to_scratch_i (to_scratch),
    .to_act_i     (to_act),
    .high_limb_i  (high_limb),
    .to_list_i    (top_k),
    .valid_i      (output_valid),
    .line_i       (output_line),
    .y_i          (y),
    .saturated_i  (saturated),
    .moves_o      (output_moves),
    .free_o       (output_free),
    .saturated_o,
    .wr_valid_o, .wr_ready_i, .wr_addr_o, .wr_mask_o, .wr_data_o,
    .list_ready_i (list_ready),
    .act_valid_o  (act_valid),
    .act_column_o, .act_tile_o, .act_offset_o, .act_mask_o, .act_data_o
  );

  // Reductions: of the results as they leave, or of the products.
  logic              reduce_valid, reduce_write, reduce_done;
  logic [7:0]        reduce_register;
  logic [63:0]       reduce_value;
  vector_pkg::line_t reduce_line;

  assign reduce_line  = wide ? product_line : output_line;
  assign reduce_valid = reduces && (wide ? product_moves : output_moves);

  vector_reduce #(.Lanes(Lanes), .Registered(Cfg.small_fabric)) u_reduce (
    .clk_i, .rst_ni,
    .start_i    (start_vector),
    .register_i (start_command.reduce_reg),
    .kind_i     (command.reduce),
    .all_i      (command.reduce_all),
    .wide_i     (wide),
    .valid_i    (reduce_valid),
    .live_i     (reduce_line.live),
    .first_i    (reduce_line.first),
    .last_i     (reduce_line.last),
    .ends_i     (reduce_line.ends),
    .y_i        (y),
    .product_i  (products),
    .write_o    (reduce_write),
    .register_o (reduce_register),
    .value_o    (reduce_value),
    .done_o     (reduce_done)
  );

  logic       list_clear;
  logic [6:0] list_keep;

  top_k #(.Lanes(Lanes), .Serial(Cfg.small_fabric)) u_top_k (
    .clk_i, .rst_ni,
    .clear_i  (list_clear),
    .keep_i   (list_keep),
    .valid_i  (output_moves && top_k),
    .ready_o  (list_ready),
    .live_i   (output_line.live),
    .y_i      (y),
    .idle_o   (list_idle),
    .count_o  (topk_count_o),
    .index_i  (topk_index_i),
    .value_o  (topk_value_o),
    .number_o (topk_number_o)
  );

  // The end of a VECTOR command: all lines have left, the last reduction is written, and nothing is
  // left to insert into the list.
  logic output_done, output_done_q, reduce_done_q;

  assign output_done = output_done_q || (output_moves && output_line.ends);
  assign vector_done = state_q == StVector && (top_k ? output_done_q && list_idle : output_done) &&
                       (!reduces || reduce_done_q || reduce_done);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      output_done_q <= 1'b0;
      reduce_done_q <= 1'b0;
    end else if (vector_done) begin
      output_done_q <= 1'b0;
      reduce_done_q <= 1'b0;
    end else begin
      output_done_q <= output_done;
      if (reduce_done) reduce_done_q <= 1'b1;
    end
  end

  // Scalars.
  logic        scalar_read, scalar_write;
  logic [7:0]  scalar_a, scalar_b, scalar_write_index;
  logic [63:0] scalar_write_data;

  scalar_sequencer #(.Registered(Cfg.small_fabric)) u_scalars (
    .clk_i, .rst_ni,
    .start_i         (start_scalar),
    .start_command_i (start_scalar_command),
    .command_i       (scalar_command),
    .done_o          (scalar_done),
    .read_o          (scalar_read),
    .a_index_o       (scalar_a),
    .b_index_o       (scalar_b),
    .a_i             (a_data),
    .b_i             (b_data),
    .write_o         (scalar_write),
    .write_index_o   (scalar_write_index),
    .write_data_o    (scalar_write_data),
    .clear_o         (list_clear),
    .keep_o          (list_keep)
  );

  scalar_file u_file (
    .clk_i, .rst_ni,
    .a_read_i      (scalar_read || scalar_row_read),
    .a_index_i     (scalar_read ? scalar_a : scalar_row_index),
    .a_data_o      (a_data),
    .b_read_i      (scalar_read),
    .b_index_i     (scalar_b),
    .b_data_o      (b_data),
    .write_i       (scalar_write || reduce_write),
    .write_index_i (scalar_write ? scalar_write_index : reduce_register),
    .write_data_i  (scalar_write ? scalar_write_data : reduce_value),
    .ext_wr_valid_i, .ext_wr_ready_o, .ext_wr_index_i, .ext_wr_strobe_i, .ext_wr_data_i,
    .ext_rd_valid_i, .ext_rd_ready_o, .ext_rd_index_i, .ext_rd_data_o, .ext_rd_done_o
  );

  logic unused_command;
  assign unused_command = ^{command, reduce_line, output_free};

`ifndef SYNTHESIS
  initial begin
    if (Lanes < 4 || Lanes > Columns) $fatal(1, "vector_unit: 4 <= Lanes <= Columns");
    if (Cfg.act_columns > 16 || Cfg.act_depth > 4096) $fatal(1, "vector_unit: act_* ports too narrow");
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && accepted) AssertOpcode: assert (start_vector || start_scalar);
  end

  handshake_checker #(.Width(AddrBits)) u_check_read (
    .clk_i, .rst_ni,
    .valid_i (rd_valid_o),
    .ready_i (rd_ready_i),
    .data_i  (rd_addr_o)
  );
`endif
endmodule
