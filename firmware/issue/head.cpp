// SPDX-License-Identifier: Apache-2.0
#include "issue/steps.hpp"
#include "schedule/fields.hpp"

/// What comes behind the layers.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::TracePoint;
using spec::VectorOp;

/// Logits of one slot of the step: the largest go to the top-k list.
void Steps::head(uint32_t slot) {
  const uint32_t position = position_ + slot;
  player_.move(PieceId::kHeadNorm, slot);
  player_.play(PieceId::kHeadNorm);
  if (tracer_.on()) {
    player_.flush();
    tracer_.save({TracePoint::kHeadNorm, -1, -1, position}, p_.head_norm, m_.hidden);
  }
  player_.move(PieceId::kHeadLogits, slot);
  player_.play(PieceId::kHeadLogits);
  player_.flush();
  uint32_t records[2] = {};
  if (tracer_.on()) {
    units_.wait(units_.last_vector());
    const Scale unit{read_low(r_.logit_scale), static_cast<int32_t>(read_high(r_.logit_scale))};
    tracer_.reserve(2, m_.vocab);
    records[0] = tracer_.begin({TracePoint::kHead, -1, -1, position}, m_.vocab);
    records[1] = tracer_.begin({TracePoint::kLogits, -1, -1, position, unit}, m_.vocab);
  }
  const Piece& logits = program_[PieceId::kHeadLogits];
  const uint32_t behind =
      spec::count_of(spec::Unit::kVector).get(spec::subtract_waits(logits.after, logits.before));
  stream_head({units_.last_vector().number - behind}, records);
  // The program to the next step's position, while the head streams.
  program_.set_position(position_ + count_);
  units_.wait(units_.last_vector());
}

/// The rows of the head, chunk by chunk, once their input is there; `records` in the trace buffer
/// take results and logits.
void Steps::stream_head(VectorTicket input, const uint32_t (&records)[2]) {
  const uint32_t step = p_.head_rows;
  const uint32_t units_of_chunk = p_.head_beats[0] * m_.chip.columns / spec::kAddrUnit;
  VectorTicket read[2] = {input, input};
  uint32_t address = m_.head;
  uint32_t scales = m_.head_row_scales;
  uint32_t odd = 0;
  for (uint32_t first = 0; first < m_.vocab; first += step, odd ^= 1) {
    const bool last = m_.vocab - first <= step;
    const uint32_t rows = last ? m_.vocab - first : step;
    const uint32_t acc = p_.head_acc + odd * step;
    const uint32_t row_scales = p_.head_scales + odd * step;
    spec::MatmulCommand matmul;
    matmul.layout = m_.head_matrix.layout;
    matmul.planes = 1;
    matmul.group = m_.head_matrix.group;
    matmul.act_columns = 1;
    matmul.max_reg = r_.unused;
    matmul.read_addr = address;
    matmul.beats = p_.head_beats[last];
    matmul.rows = rows;
    matmul.block = m_.head_matrix.block;
    matmul.cols = m_.hidden;
    matmul.stripes = p_.head_stripes[last];
    matmul.dst = acc;
    const MatmulTicket done = units_.issue(matmul, units_.after(read[odd]));
    spec::LoadCommand load;
    load.read_addr = scales;
    load.beats = m_.chip.beats(4 * rows);
    load.count = rows;
    load.dst = row_scales;
    const LoadTicket loaded = units_.issue(load, units_.after(read[odd]));
    if (tracer_.on()) tracer_.add(records[0], first, acc, rows);

    spec::VectorCommand c;
    c.op = id(VectorOp::kMul);
    c.reduce = id(Reduce::kTopK);
    c.dest = tracer_.on() ? id(Dest::kScratch) : id(Dest::kNone);
    c.shift = m_.head_shift;
    c.a = acc;
    c.b = row_scales;
    c.dst = tracer_.on() ? acc : 0;
    c.n = rows;
    c.rows = 1;
    read[odd] = units_.issue(c, units_.after(done, loaded));
    if (tracer_.on()) tracer_.add(records[1], first, acc, rows);
    address += units_of_chunk;
    scales += step / (spec::kAddrUnit / 4);
  }
}

/// The weights of spec::sample(): 2^((value - first) * logit_scale / temperature), Q30; the unit of
/// the exponent was made with the logits.
uint32_t Steps::sample(uint32_t top_p_q16, spec::Random& random) {
  const uint32_t count = Bus::read(spec::mmio::kTopCount);
  const uint32_t values = p_.head_acc;
  const uint32_t weights = p_.head_scales;
  for (uint32_t i = 0; i < count; ++i)
    write_scratch(values + i, Bus::read(spec::mmio::top_list::value(i)));

  spec::VectorCommand c;
  c.op = id(VectorOp::kSub);
  c.dest = id(Dest::kScratch);
  c.a = values;
  c.b = values;
  c.dst = weights;
  c.n = 1;
  c.rows = count;
  c.stride_a = 1;
  c.stride_dst = 1;
  units_.issue(c, units_.after());
  c.op = id(VectorOp::kScale);
  c.scalar = r_.sample_unit;
  c.a = weights;
  c.b = 0;
  c.n = count;
  c.rows = 1;
  units_.issue(c, units_.after());
  c.op = id(VectorOp::kExp2);
  c.scalar = r_.zero;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.weight_sum;
  units_.wait(units_.issue(c, units_.after()));
  const uint64_t sum = uint64_t{read_high(r_.weight_sum)} << 32 | read_low(r_.weight_sum);
  const uint32_t place = spec::draw([=](uint32_t i) { return read_scratch(weights + i); }, count,
                                    sum, top_p_q16, random);
  return Bus::read(spec::mmio::top_list::number(place));
}

}  // namespace tern::firmware
