// SPDX-License-Identifier: Apache-2.0
/// Walks the rows and lines of a VECTOR command and asks for its operands, a line of Lanes words a
/// request.
///
/// `start_i` takes the command. A line needs one request (operand a), two (a, b), two of a at the
/// distance of a butterfly, or four (Rope: low half, cosine, high half, sine). With each request
/// that is accepted `line_o` says where the results belong that come from it: Rope's and the
/// butterfly's requests of operand a each have their own. A request waits for `room_i`, which must
/// not fall before it has been accepted. The scalar register of a row is read with the row's first
/// request; the butterfly's, which decides addresses, before it. With Registered, requests wait
/// in registers, which takes a cycle.
module vector_walker #(
  parameter int unsigned Columns    = 64,
  parameter int unsigned Lanes      = 16,
  parameter bit          Registered = 1'b0
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,

  input  logic                            start_i,
  input  tern_pkg::vector_cmd_t           start_command_i,
  input  tern_pkg::vector_cmd_t           command_i,

  input  logic                            room_i,
  output logic                            rd_valid_o,
  input  logic                            rd_ready_i,
  output logic [vector_pkg::AddrBits-1:0] rd_addr_o,
  output vector_pkg::line_t               line_o,

  output logic                            scalar_read_o,
  output logic [7:0]                      scalar_index_o,
  input  logic [31:0]                     scalar_k_i,
  output logic [3:0]                      distance_o
);
  localparam int unsigned AddrBits   = vector_pkg::AddrBits;
  localparam int unsigned LaneShift  = $clog2(Lanes);
  localparam int unsigned TileShift  = $clog2(Columns);

  typedef logic [AddrBits-1:0] addr_t;
  typedef enum logic [1:0] {StIdle, StScalar, StDistance, StWalk} state_e;

  state_e      state_q;
  logic [1:0]  phase_q;
  logic [16:0] offset_q;                         // of the line in its row
  logic [15:0] rows_q;                           // rows after this one
  addr_t       row_a_q, row_b_q, row_dst_q;      // of the row
  addr_t       a_q, b_q, dst_q;                  // of the line
  logic [11:0] row_tile_q;
  logic [3:0]  column_q, group_q;
  logic [7:0]  scalar_q;
  logic [3:0]  log_distance_q, log_distance;     // of the butterfly's distance
  logic [16:0] distance_q, far_step_q;           // distance, and that with a line
  logic        halves_q, pairs_q, far_q;

  logic        starts_halves, starts_butterfly, starts_scalar_first, scalar_first_q, skips;
  logic [1:0]  last_phase;
  logic [16:0] n, offset_near, offset_far, remaining;
  addr_t       extra, step, addr;
  logic [16:0] position;
  logic        accepted, last_line, first_line, row_done;
  vector_pkg::line_t line;

  assign starts_halves       = tern_pkg::vector_op_in_halves(start_command_i.op);
  assign starts_butterfly    = start_command_i.op == tern_pkg::VectorOpButterfly;
  assign starts_scalar_first = starts_butterfly && start_command_i.use_scalar;
  assign log_distance        = start_i ? start_command_i.shift[3:0] : scalar_k_i[3:0];
  assign last_phase          = halves_q ? 2'd3 : {1'b0, pairs_q || far_q};

  // What the operation and its distance mean is found out ahead: the next line depends on it.
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      halves_q       <= starts_halves;
      pairs_q        <= tern_pkg::vector_op_takes_b(start_command_i.op) && !starts_halves;
      scalar_first_q <= starts_scalar_first;
    end
    if (start_i || state_q == StDistance) begin
      log_distance_q <= log_distance;
      distance_q     <= 17'd1 << log_distance;
      far_step_q     <= (17'd1 << log_distance) + 17'(Lanes);
      far_q          <= (!start_i || starts_butterfly) && 32'(log_distance) >= LaneShift;
    end
  end

  // The upper half of a pair of blocks goes with the lower one.
  assign n           = {1'b0, command_i.n};
  assign offset_near = offset_q + 17'(Lanes);
  assign offset_far  = offset_q + far_step_q;
  assign skips       = far_q && (offset_near & distance_q) != '0;
  assign step        = skips ? AddrBits'(far_step_q) : AddrBits'(Lanes);
  assign last_line   = skips ? offset_far >= n : offset_near >= n;
  assign first_line  = offset_q == '0;
  assign remaining   = n - offset_q;
  assign row_done    = accepted && phase_q == last_phase && last_line;

  always_comb begin
    extra = '0;
    if (halves_q && phase_q[1])    extra = AddrBits'(n);
    else if (far_q && phase_q[0])  extra = AddrBits'(distance_q);
  end

  assign addr       = (phase_q[0] && !far_q ? b_q : a_q) + extra;
  assign position   = offset_q + extra[16:0];

  always_comb begin
    line.dst        = dst_q + extra;
    line.act_tile   = row_tile_q + 12'(position >> TileShift);
    line.act_offset = 8'((position & 17'(Columns - 1)) >> LaneShift);
    line.act_column = column_q;
    line.live       = remaining < 17'(Lanes) ? remaining[7:0] : 8'(Lanes);
    line.first      = first_line;
    line.last       = last_line;
    line.ends       = last_line && rows_q == '0;
  end

  logic       walk_ready, request_valid, row_starts;
  logic [7:0] row_scalar;
  assign accepted = state_q == StWalk && walk_ready;

  elastic #(.Width(AddrBits + vector_pkg::LineBits + 9), .Present(Registered)) u_requests (
    .clk_i, .rst_ni,
    .valid_i (state_q == StWalk),
    .ready_o (walk_ready),
    .data_i  ({addr, line, first_line && phase_q == '0, scalar_q}),
    .valid_o (request_valid),
    .ready_i (room_i && rd_ready_i),
    .data_o  ({rd_addr_o, line_o, row_starts, row_scalar})
  );
  assign rd_valid_o = request_valid && room_i;

  assign scalar_read_o  = state_q == StScalar || (rd_valid_o && rd_ready_i && row_starts);
  assign scalar_index_o = state_q == StScalar ? scalar_q : row_scalar;
  assign distance_o     = log_distance_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else if (start_i) begin
      state_q <= starts_scalar_first ? StScalar : StWalk;
    end else begin
      unique case (state_q)
        StScalar:   state_q <= StDistance;
        StDistance: state_q <= StWalk;
        StWalk:     if (row_done) state_q <= rows_q == '0 ? StIdle
                                             : scalar_first_q ? StScalar : StWalk;
        default:    ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      phase_q    <= '0;
      offset_q   <= '0;
      rows_q     <= start_command_i.rows - 16'd1;
      row_a_q    <= start_command_i.a;
      row_b_q    <= start_command_i.b;
      row_dst_q  <= start_command_i.dst;
      a_q        <= start_command_i.a;
      b_q        <= start_command_i.b;
      dst_q      <= start_command_i.dst;
      row_tile_q <= start_command_i.act_tile;
      column_q   <= start_command_i.act_column;
      group_q    <= 4'd1;
      scalar_q   <= start_command_i.scalar;
    end else begin
      if (accepted) phase_q <= phase_q == last_phase ? '0 : phase_q + 2'd1;
      if (row_done) begin
        offset_q  <= '0;
        rows_q    <= rows_q - 16'd1;
        row_a_q   <= row_a_q + AddrBits'(command_i.stride_a);
        row_b_q   <= row_b_q + AddrBits'(command_i.stride_b);
        row_dst_q <= row_dst_q + AddrBits'(command_i.stride_dst);
        a_q       <= row_a_q + AddrBits'(command_i.stride_a);
        b_q       <= row_b_q + AddrBits'(command_i.stride_b);
        dst_q     <= row_dst_q + AddrBits'(command_i.stride_dst);
        if (command_i.scalar_step) scalar_q <= scalar_q + 8'd1;
        if (group_q == command_i.act_group) begin
          group_q    <= 4'd1;
          column_q   <= command_i.act_column;
          row_tile_q <= row_tile_q + command_i.act_tile_stride;
        end else begin
          group_q    <= group_q + 4'd1;
          column_q   <= column_q + command_i.act_step;
        end
      end else if (accepted && phase_q == last_phase) begin
        offset_q <= skips ? offset_far : offset_near;
        a_q      <= a_q + step;
        b_q      <= b_q + step;
        dst_q    <= dst_q + step;
      end
    end
  end

  logic unused_walker;
  assign unused_walker = ^{start_command_i, command_i, scalar_k_i, extra};
endmodule
