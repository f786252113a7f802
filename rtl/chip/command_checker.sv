// SPDX-License-Identifier: Apache-2.0
/// Checks one command at a time and says which units it goes to.
///
/// A command is taken (`valid_i && ready_o`), its products are computed in the next cycle, and in
/// the cycle after it is offered (`valid_o`) to its units, or `bad_o` pulses and it is dropped.
/// `to_stream_o`, `to_vector_o` and `to_store_o` are one-hot. What cannot be told from the command
/// alone is checked where it shows: the beats of a matrix by the engine, the tile of an activation
/// by its writer. With Cfg.small_fabric, the verdict goes through registers, which takes a cycle.
module command_checker #(
  parameter tern_pkg::chip_config_t Cfg = tern_pkg::DefaultConfig
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         valid_i,
  output logic                         ready_o,
  input  logic [tern_pkg::CmdBits-1:0] cmd_i,

  output logic                         valid_o,
  input  logic                         ready_i,
  output logic [tern_pkg::CmdBits-1:0] cmd_o,
  output logic                         to_stream_o,
  output logic                         to_vector_o,
  output logic                         to_store_o,
  output logic                         bad_o
);
  localparam int unsigned MaxValueBlock = tern_pkg::TritsPerByte * Cfg.acc_depth;
  localparam int unsigned ByteBits      = $clog2(Cfg.columns);

  // 16 mod 5 is 1, so that a number and the sum of its hexadecimal digits have the same remainder.
  function automatic logic divides_by_5(input logic [11:0] value);
    logic [5:0] sum;
    logic [4:0] folded;
    sum    = 6'(value[11:8]) + 6'(value[7:4]) + 6'(value[3:0]);
    folded = 5'(sum[5:4]) + 5'(sum[3:0]);
    divides_by_5 = folded == 5'd0 || folded == 5'd5 || folded == 5'd10 || folded == 5'd15;
  endfunction

  typedef enum logic [1:0] {StIdle, StMultiply, StJudge, StOffer} state_e;
  state_e                       state_q;
  logic [tern_pkg::CmdBits-1:0] cmd_q;
  logic [tern_pkg::OpcodeBits-1:0] opcode;
  tern_pkg::load_cmd_t          load;
  tern_pkg::matmul_cmd_t        matmul;
  tern_pkg::vector_cmd_t        vec;
  tern_pkg::scalar_cmd_t        scalar;
  tern_pkg::store_cmd_t         store;

  assign opcode = cmd_q[tern_pkg::OpcodeLsb +: tern_pkg::OpcodeBits];
  assign load   = cmd_q;
  assign matmul = cmd_q;
  assign vec    = cmd_q;
  assign scalar = cmd_q;
  assign store  = cmd_q;

  // The distance of the last row from the first, for each operand: products of 16 bits.
  logic [15:0] vec_rows, store_rows;
  logic [31:0] far_a_q, far_b_q, far_dst_q, far_src_q;
  logic [19:0] far_column_q;
  assign vec_rows   = vec.rows - 16'd1;
  assign store_rows = 16'(store.rows) - 16'd1;

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) cmd_q <= cmd_i;
    if (state_q == StMultiply) begin
      far_a_q      <= vec_rows * 32'(vec.stride_a);
      far_b_q      <= vec_rows * 32'(vec.stride_b);
      far_dst_q    <= vec_rows * 32'(vec.stride_dst);
      far_src_q    <= store_rows * 32'(store.src_stride);
      far_column_q <= (20'(matmul.act_columns) - 20'd1) *
                      (20'(matmul.dst_stride) << $clog2(tern_pkg::StrideUnit));
    end
  end

  // LOAD
  logic [33:0] load_elements;
  logic        load_ok;
  always_comb begin
    unique case (load.format)
      tern_pkg::FormatHalf: load_elements = 34'(load.beats) << (ByteBits - 1);
      tern_pkg::FormatTrit:
        load_elements = 34'(load.beats) * 34'(tern_pkg::TritsPerByte) << ByteBits;
      default:              load_elements = 34'(load.beats) << (ByteBits - 2);
    endcase
  end
  assign load_ok = load.format <= (Cfg.group_scales ? tern_pkg::FormatTrit : tern_pkg::FormatHalf) &&
                   load.beats != '0 && load.count != '0 && load.beats <= 32'h000f_ffff &&
                   34'(load.count) <= load_elements &&
                   21'(load.dst) + 21'(load.count) <= 21'(Cfg.scratch_words);

  // MATMUL. A block of the value layout ends on a whole result entry, unless it is the only one; a
  // block of signs on a whole set of eight stripes.
  logic        is_value, is_sign, layout_ok, block_ok, rows_ok, matmul_ok;
  logic [17:0] tiles;
  assign is_value = matmul.layout == tern_pkg::LayoutValue;
  assign is_sign  = matmul.layout == tern_pkg::LayoutSign;
  assign layout_ok = 32'(matmul.layout) < tern_pkg::LayoutCount && (Cfg.sign_weights || !is_sign) &&
                     32'(matmul.group) < tern_pkg::GroupCount &&
                     (matmul.group == tern_pkg::GroupNone || (Cfg.group_scales && !is_value)) &&
                     matmul.planes != '0 && 32'(matmul.planes) <= tern_pkg::MaxPlanes &&
                     (matmul.layout == tern_pkg::LayoutPlane || matmul.planes == 3'd1);
  assign tiles    = (matmul.cols + 18'(Cfg.columns - 1)) >> ByteBits;
  assign block_ok = matmul.block != '0 && matmul.stripes != '0 &&
                    (is_value ? 32'(matmul.block) <= MaxValueBlock &&
                                (divides_by_5(matmul.block) || 20'(matmul.block) >= matmul.stripes)
                              : 32'(matmul.block) <= Cfg.acc_depth) &&
                    (!is_sign || (matmul.block[2:0] == 3'd0 && matmul.stripes[2:0] == 3'd0));
  assign rows_ok  = matmul.rows != '0 &&
                    23'(matmul.rows) <= (is_value ? 23'(matmul.stripes)
                                         : (23'(matmul.stripes) << 2) + 23'(matmul.stripes));
  assign matmul_ok = layout_ok && block_ok && rows_ok &&
                     matmul.act_columns != '0 && 32'(matmul.act_columns) <= Cfg.act_columns &&
                     matmul.cols != '0 && matmul.beats != '0 &&
                     32'(matmul.cols) <= tern_pkg::MaxDotLength &&
                     32'(matmul.act_tile) + 32'(tiles) <= Cfg.act_depth &&
                     32'(matmul.max_reg) + 32'(matmul.act_columns) <= tern_pkg::ScalarRegs &&
                     32'(matmul.dst) + 32'(far_column_q) + 32'(matmul.rows) <= Cfg.scratch_words;

  // VECTOR
  logic        takes_b, writes, to_act, vector_ok;
  logic [17:0] span;
  assign takes_b = tern_pkg::vector_op_takes_b(vec.op);
  assign to_act  = tern_pkg::dest_to_activations(vec.dest);
  assign writes  = vec.dest == tern_pkg::DestScratch || (to_act && vec.keep);
  assign span    = tern_pkg::vector_op_in_halves(vec.op) ? 18'(vec.n) << 1 : 18'(vec.n);
  assign vector_ok = 32'(vec.op) < tern_pkg::VectorOpCount &&
                     32'(vec.reduce) < tern_pkg::ReduceCount &&
                     32'(vec.dest) < tern_pkg::DestCount && vec.n != '0 && vec.rows != '0 &&
                     34'(vec.a) + 34'(far_a_q) + 34'(span) <= 34'(Cfg.scratch_words) &&
                     (!takes_b || 34'(vec.b) + 34'(far_b_q) + 34'(span) <= 34'(Cfg.scratch_words)) &&
                     (!writes || 34'(vec.dst) + 34'(far_dst_q) + 34'(span) <= 34'(Cfg.scratch_words)) &&
                     (!to_act || vec.act_group != '0) &&
                     (vec.reduce != tern_pkg::ReduceTopK ||
                      !tern_pkg::vector_op_reorders(vec.op)) &&
                     (!vec.scalar_step || 32'(vec.scalar) + 32'(vec.rows) <= tern_pkg::ScalarRegs) &&
                     (!tern_pkg::reduce_writes_register(vec.reduce) || vec.reduce_all ||
                      32'(vec.reduce_reg) + 32'(vec.rows) <= tern_pkg::ScalarRegs);

  // SCALAR
  logic scalar_ok;
  assign scalar_ok = 32'(scalar.op) < tern_pkg::ScalarOpCount && scalar.rows != '0 &&
                     32'(scalar.rd) + 32'(scalar.rows) <= tern_pkg::ScalarRegs &&
                     (!scalar.step_a || 32'(scalar.ra) + 32'(scalar.rows) <= tern_pkg::ScalarRegs) &&
                     (!scalar.step_b || 32'(scalar.rb) + 32'(scalar.rows) <= tern_pkg::ScalarRegs) &&
                     (scalar.op != tern_pkg::ScalarOpTopKClear ||
                      (scalar.constant != '0 && scalar.constant <= tern_pkg::TopK));

  // STORE
  logic store_ok;
  assign store_ok = store.count != '0 && store.rows != '0 && store.beat_stride != '0 &&
                    (store.format == tern_pkg::StoreFormatCode || store.addr_low[1:0] == 2'b00) &&
                    34'(store.src) + 34'(far_src_q) + 34'(store.count) <= 34'(Cfg.scratch_words);

  logic good, to_stream, to_vector, to_store;
  always_comb begin
    to_stream = 1'b0;
    to_vector = 1'b0;
    to_store  = 1'b0;
    case (opcode)
      tern_pkg::ChipOpcodeLoad:   to_stream = load_ok;
      tern_pkg::ChipOpcodeMatmul: to_stream = matmul_ok;
      tern_pkg::ChipOpcodeVector: to_vector = vector_ok;
      tern_pkg::ChipOpcodeScalar: to_vector = scalar_ok;
      tern_pkg::ChipOpcodeStore:  to_store  = store_ok;
      default: ;
    endcase
  end

  if (Cfg.small_fabric) begin : gen_registered
    logic [2:0] to_q;
    always_ff @(posedge clk_i) to_q <= {to_stream, to_vector, to_store};
    assign {to_stream_o, to_vector_o, to_store_o} = to_q;
  end else begin : gen_direct
    assign {to_stream_o, to_vector_o, to_store_o} = {to_stream, to_vector, to_store};
  end

  assign good    = to_stream_o || to_vector_o || to_store_o;
  assign ready_o = state_q == StIdle || (state_q == StOffer && (!good || ready_i));
  assign valid_o = state_q == StOffer && good;
  assign bad_o   = state_q == StOffer && !good;
  assign cmd_o   = cmd_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StMultiply: state_q <= Cfg.small_fabric ? StJudge : StOffer;
        StJudge:    state_q <= StOffer;
        default:    if (ready_o) state_q <= valid_i ? StMultiply : StIdle;
      endcase
    end
  end

  logic unused_fields;
  assign unused_fields = ^{load, matmul, vec, scalar, store};
endmodule
