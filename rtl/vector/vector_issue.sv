// SPDX-License-Identifier: Apache-2.0
/// Takes operand lines from the queue and tells the lanes what to do with them.
///
/// A step that needs several lines keeps the earlier ones in the lanes. Rope has four products a
/// line: low * cos, high * cos, then high * sin and low * sin, each subtracted from or added to
/// the product two steps ago. Its last step, and the difference of a butterfly, need nothing from
/// the queue any more: they overlap with the arrival of the next line. A line of a curve stays
/// at the head of the queue for four steps, a quarter of the lanes each.
module vector_issue #(
  parameter int unsigned Lanes = 16
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic [4:0]         op_i,
  input  logic [3:0]         distance_i,
  input  logic               moves_i,

  input  logic               head_valid_i,
  input  vector_pkg::line_t  head_line_i,
  input  vector_pkg::shift_t head_shift_i,
  output logic               pop_o,

  output vector_pkg::issue_t issue_o,
  output vector_pkg::step_t  step_o
);
  localparam vector_pkg::shift_t NoShift   = '0;
  // rope_pair() of rope.hpp: 15 - kRopeGuard = 9 places to the right.
  localparam vector_pkg::shift_t RopeShift = {4'b0001, 6'd8};

  logic              rope, curve, pairs, far, near, tailed, go, tail, multi;
  logic [1:0]        phase_q, slot_q, last_phase;
  logic              tail_q;
  vector_pkg::line_t first_line_q, second_line_q;

  assign rope        = op_i == tern_pkg::VectorOpRope;
  assign curve       = tern_pkg::vector_op_is_curve(op_i);
  assign pairs       = tern_pkg::vector_op_takes_b(op_i) && !rope;
  assign far         = op_i == tern_pkg::VectorOpButterfly && 32'(distance_i) >= $clog2(Lanes);
  assign near        = op_i == tern_pkg::VectorOpButterfly && !far;
  assign tailed      = rope || far;
  assign multi       = pairs || tailed;
  assign last_phase  = rope ? 2'd3 : {1'b0, multi};

  assign go    = moves_i && head_valid_i;
  assign tail  = moves_i && tail_q;
  assign pop_o = go && (!curve || slot_q == 2'd3);

  always_comb begin
    issue_o             = '0;
    issue_o.valid       = tail || (go && phase_q != '0) || (go && !multi);
    issue_o.load_first  = go && multi && phase_q == 2'd0;
    issue_o.load_second = go && tailed && phase_q[0];
    issue_o.load_third  = go && rope && phase_q == 2'd2;
    issue_o.alternate   = near;
    issue_o.x           = vector_pkg::XHead;
    issue_o.y           = vector_pkg::YOne;
    issue_o.z           = vector_pkg::ZNone;
    issue_o.view        = vector_pkg::ViewPlain;

    step_o.line  = multi ? first_line_q : head_line_i;
    step_o.shift = NoShift;
    step_o.emit  = 1'b1;
    step_o.add   = vector_pkg::AddNone;
    step_o.slot  = slot_q;

    unique case (op_i)
      tern_pkg::VectorOpAdd: begin
        issue_o.x  = vector_pkg::XFirst;
        issue_o.z  = vector_pkg::ZHead;
        step_o.add = vector_pkg::AddZ;
      end
      tern_pkg::VectorOpSub: begin
        issue_o.y  = vector_pkg::YMinusOne;
        issue_o.z  = vector_pkg::ZFirst;
        step_o.add = vector_pkg::AddZ;
      end
      tern_pkg::VectorOpMul: begin
        issue_o.x    = vector_pkg::XFirst;
        issue_o.y    = vector_pkg::YHead;
        step_o.shift = head_shift_i;
      end
      tern_pkg::VectorOpScale: begin
        issue_o.y    = vector_pkg::YScalar;
        step_o.shift = head_shift_i;
      end
      tern_pkg::VectorOpMac: begin
        issue_o.x    = vector_pkg::XFirst;
        issue_o.y    = vector_pkg::YScalar;
        issue_o.z    = vector_pkg::ZHead;
        step_o.shift = head_shift_i;
      end
      tern_pkg::VectorOpSquare: begin
        issue_o.y    = vector_pkg::YHead;
        issue_o.view = vector_pkg::ViewPositive;
        step_o.shift = head_shift_i;
      end
      tern_pkg::VectorOpSumSquares: begin
        issue_o.y    = vector_pkg::YHead;
        issue_o.view = vector_pkg::ViewShifted;
      end
      tern_pkg::VectorOpJoin: begin
        issue_o.x    = vector_pkg::XFirst;
        issue_o.y    = vector_pkg::YLimb;
        issue_o.z    = vector_pkg::ZHead;
        step_o.shift = head_shift_i;
        step_o.add   = vector_pkg::AddZ;
      end
      tern_pkg::VectorOpExp2: step_o.emit = slot_q == 2'd3;
      tern_pkg::VectorOpSilu: begin
        issue_o.z    = vector_pkg::ZHead;
        issue_o.view = vector_pkg::ViewPositive;
        step_o.emit  = slot_q == 2'd3;
      end
      tern_pkg::VectorOpRope: begin
        step_o.shift = RopeShift;
        step_o.emit  = tail || phase_q == 2'd3;
        step_o.add   = tail || phase_q == 2'd3 ? vector_pkg::AddHistory : vector_pkg::AddNone;
        if (tail || phase_q == 2'd1)      issue_o.x = vector_pkg::XFirst;
        else if (phase_q == 2'd3)         issue_o.x = vector_pkg::XThird;
        if (tail || phase_q == 2'd2)      issue_o.y = vector_pkg::YSecondHalf;
        else if (phase_q == 2'd1)         issue_o.y = vector_pkg::YHeadHalf;
        else                              issue_o.y = vector_pkg::YMinusHeadHalf;
      end
      tern_pkg::VectorOpButterfly: begin
        step_o.add = vector_pkg::AddZ;
        if (near) begin
          issue_o.z = vector_pkg::ZPair;
        end else if (tail) begin
          issue_o.x = vector_pkg::XSecond;
          issue_o.y = vector_pkg::YMinusOne;
          issue_o.z = vector_pkg::ZFirst;
        end else begin
          issue_o.x = vector_pkg::XFirst;
          issue_o.z = vector_pkg::ZHead;
        end
      end
      default: ;  // Copy
    endcase

    // Two lines of results come from one of operands: the second one ends what they end.
    if (tailed) begin
      if (tail) begin
        step_o.line       = second_line_q;
        step_o.line.first = 1'b0;
      end else begin
        step_o.line.last  = 1'b0;
        step_o.line.ends  = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q <= '0;
      slot_q  <= '0;
      tail_q  <= 1'b0;
    end else begin
      if (pop_o) phase_q <= phase_q == last_phase ? '0 : phase_q + 2'd1;
      if (go && curve) slot_q <= slot_q + 2'd1;
      if (moves_i) tail_q <= go && tailed && phase_q == last_phase;
    end
  end

  always_ff @(posedge clk_i) begin
    if (go && phase_q == '0) first_line_q <= head_line_i;
    if (go && (rope ? phase_q == 2'd2 : phase_q == 2'd1)) second_line_q <= head_line_i;
  end
endmodule
