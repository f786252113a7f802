/// Walks the rows and lines of a VECTOR command and asks for its operands, a line of Lanes words a
/// request.
///
/// `start_i` takes the command. A line needs one request (operand a), two (a, b), two of a at the
/// distance of a butterfly, or four (Rope: low half, cosine, high half, sine). With each request
/// that is accepted `line_o` says where the results belong that come from it: Rope's and the
/// butterfly's requests of operand a each have their own. A request waits for `room_i`, which must
/// not fall before it has been accepted. The scalar register of a row is read with the row's first
/// request; the butterfly's, which decides addresses, before it.
module vector_walker #(
  parameter int unsigned Columns = 64,
  parameter int unsigned Lanes   = 16
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
  logic [3:0]  distance_q;                       // logarithm of the butterfly's distance

  logic        butterfly, far, rope, pairs, scalar_first, starts_scalar_first;
  logic [1:0]  last_phase;
  logic [16:0] n, distance, offset_near, offset_next, line_step, remaining;
  addr_t       extra, step;
  logic [16:0] position;
  logic        accepted, last_line, first_line, row_done;

  assign butterfly    = command_i.op == tern_pkg::VectorOpButterfly;
  assign rope         = command_i.op == tern_pkg::VectorOpRope;
  assign far          = butterfly && 32'(distance_q) >= LaneShift;
  assign scalar_first = butterfly && command_i.use_scalar;
  assign starts_scalar_first = start_command_i.op == tern_pkg::VectorOpButterfly &&
                               start_command_i.use_scalar;

  always_comb begin
    case (command_i.op)
      tern_pkg::VectorOpAdd, tern_pkg::VectorOpSub, tern_pkg::VectorOpMul,
      tern_pkg::VectorOpMac, tern_pkg::VectorOpJoin: pairs = 1'b1;
      default:                                       pairs = 1'b0;
    endcase
  end
  assign last_phase = rope ? 2'd3 : {1'b0, pairs || far};

  assign n           = {1'b0, command_i.n};
  assign distance    = 17'd1 << distance_q;
  assign offset_near = offset_q + 17'(Lanes);
  // The upper half of a pair of blocks goes with the lower one.
  assign offset_next = far && (offset_near & distance) != '0 ? offset_near + distance
                                                             : offset_near;
  assign line_step   = offset_next - offset_q;
  assign step        = AddrBits'(line_step);
  assign last_line   = offset_next >= n;
  assign first_line  = offset_q == '0;
  assign remaining   = n - offset_q;
  assign row_done    = accepted && phase_q == last_phase && last_line;

  always_comb begin
    extra = '0;
    if (rope && phase_q[1])      extra = AddrBits'(n);
    else if (far && phase_q[0])  extra = AddrBits'(distance);
  end

  assign rd_valid_o = state_q == StWalk && room_i;
  assign rd_addr_o  = (phase_q[0] && !far ? b_q : a_q) + extra;
  assign accepted   = rd_valid_o && rd_ready_i;
  assign position   = offset_q + extra[16:0];

  always_comb begin
    line_o.dst        = dst_q + extra;
    line_o.act_tile   = row_tile_q + 12'(position >> TileShift);
    line_o.act_offset = 8'((position & 17'(Columns - 1)) >> LaneShift);
    line_o.act_column = column_q;
    line_o.live       = remaining < 17'(Lanes) ? remaining[7:0] : 8'(Lanes);
    line_o.first      = first_line;
    line_o.last       = last_line;
    line_o.ends       = last_line && rows_q == '0;
  end

  assign scalar_read_o  = state_q == StScalar || (accepted && first_line && phase_q == '0);
  assign scalar_index_o = scalar_q;
  assign distance_o     = distance_q;

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
                                             : scalar_first ? StScalar : StWalk;
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
      distance_q <= start_command_i.shift[3:0];
    end else begin
      if (state_q == StDistance) distance_q <= scalar_k_i[3:0];
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
        offset_q <= offset_next;
        a_q      <= a_q + step;
        b_q      <= b_q + step;
        dst_q    <= dst_q + step;
      end
    end
  end

  logic unused_walker;
  assign unused_walker = ^{start_command_i, command_i, scalar_k_i, extra};
endmodule
