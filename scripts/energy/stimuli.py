# SPDX-License-Identifier: Apache-2.0
"""Stimuli of the array and its parts from real operands, with outputs computed from definitions."""

import numpy as np

from operands import TRITS, Operands, Stream, trits
from stimulus import Stimulus

GROUP = 32  # columns that share a scale of 4-bit weights
EVERY = 3  # one in so many matrices, one stripe of each, in the stimuli of lanes


def pack_fields(values, width: int) -> int:
    """Field i, from bit i * width on, is values[i] modulo 2^width."""
    mask = (1 << width) - 1
    return sum((int(v) & mask) << (i * width) for i, v in enumerate(values))


def reset(stimulus: Stimulus, cycles: int = 3) -> None:
    for _ in range(cycles):
        stimulus.inputs.append({"rst_ni": 0})
        stimulus.expected.append({})


def idle(stimulus: Stimulus, cycles: int, inputs: dict[str, int], expected: dict[str, int]) -> None:
    for _ in range(cycles):
        stimulus.inputs.append(dict(inputs))
        stimulus.expected.append(dict(expected))


# --- lanes -------------------------------------------------------------------------------------

def lane_beats(operands: Operands, columns: int):
    """(codes [columns], activations, first column, stripe, is first) of dot products of the model's
    linear layers, five rows of one matrix after the other."""
    for number, stream in enumerate(operands.weights[::EVERY]):
        stripe, codes = list(stream.stripes.items())[number]
        x = stream.activations(number)
        for at in range(0, len(codes), columns):
            yield codes[at : at + columns], x[at : at + columns], at, stripe, at == 0


def integer_weights(operands: Operands, bits: int, stripe: int, at: int, columns: int) -> np.ndarray:
    """Weights [5, columns]: rows of the output head (no linear layer has weights of this precision),
    as they are for 8 bits; for 4 bits with the maximum of each group of 32 columns as 7."""
    rows = operands.integer_rows
    take = rows[[(TRITS * stripe + r) % len(rows) for r in range(TRITS)]]
    columns_of = [(at + c) % rows.shape[1] for c in range(columns)]
    if bits == 4:
        groups = take.reshape(TRITS, -1, GROUP)
        largest = np.maximum(np.abs(groups).max(axis=2, keepdims=True), 1)
        take = np.rint(groups * 7 / largest).astype(np.int64).reshape(take.shape)
    return take[:, columns_of]


def lane(operands: Operands, columns: int, bits: int, rate: int = 1) -> Stimulus:
    """Beats of a lane_tile, one every `rate` cycles; bits 0: ternary."""
    latency = columns.bit_length() - 1 + 3
    s = Stimulus()
    reset(s)
    sums, results, activations = np.zeros(TRITS, np.int64), [], []
    for codes, x, at, stripe, first in lane_beats(operands, columns):
        if bits == 0:
            weights, word = trits(codes), pack_fields(codes, 8)
        else:
            weights = integer_weights(operands, bits, stripe, at, columns)
            word = pack_fields(weights.T.flatten(), bits)
        sums = (0 if first else sums) + weights @ x
        s.inputs.append({"rst_ni": 1, "valid_i": 1, "first_i": int(first), "weights_i": word})
        activations.append(pack_fields(x, 8))
        results.append(pack_fields(sums, 32))
    beats = len(results)
    idle(s, latency, {"rst_ni": 1, "weights_i": word}, {})
    s.expected = [{} for _ in s.inputs]
    for i, value in enumerate(activations):
        s.inputs[3 + i + 1]["x_i"] = value
    for row in s.inputs[3 + beats + 1 :]:
        row["x_i"] = activations[-1]
    for i, value in enumerate(results):
        s.expected[3 + i + latency] = {"valid_o": 1, "sums_o": value}
    s.warmup = 3 + latency + 8
    # The tail drains what the warm-up filled, so that operations and cycles agree.
    s.inputs, s.expected = s.inputs[: 3 + beats + 1], s.expected[: 3 + beats + 1]
    counted = len(s.inputs) - s.warmup
    s.operations = {"beat": counted, "mac": counted * TRITS * columns}
    return s


# --- the array ---------------------------------------------------------------------------------

def array(streams: list[Stream], columns: int, act_columns: int, used: int | None = None) -> Stimulus:
    """Beats of ternary_array_tree in stream order: the first `columns` columns of each tile, and
    `used` activation columns (default: as many as the stream has)."""
    latency = columns.bit_length() - 1 + 2
    s = Stimulus(inputs=[], expected=[])
    reset(s)
    following, results = [], []
    for stream in streams:
        count = min(used or len(stream.x), act_columns)
        for tile, codes in zip(stream.tile, stream.codes):
            live = min(int(stream.valid[tile]), columns)
            codes = codes[:columns]
            x = stream.x[:count, tile, :columns]
            s.inputs.append(
                {"rst_ni": 1, "valid_i": 1, "weights_i": pack_fields(codes, 8),
                 "mask_i": (1 << live) - 1}
            )
            planes = [(x[m, c] >> b) & 1 for m in range(count) for b in range(8) for c in range(columns)]
            following.append({"planes_i": pack_fields(planes, 1), "columns_i": count})
            sums = np.zeros((act_columns, TRITS), np.int64)
            sums[:count] = x[:, :live] @ trits(codes[:live]).T
            results.append(pack_fields(sums.flatten(), 32))
    s.inputs.append({"rst_ni": 1})
    for i, more in enumerate(following):
        s.inputs[3 + i + 1].update(more)
    s.expected = [{} for _ in s.inputs]
    for i, value in enumerate(results):
        if 3 + i + latency < len(s.inputs):
            s.expected[3 + i + latency] = {"valid_o": 1, "sums_o": value, "illegal_o": 0}
    s.warmup = 3 + latency + 8
    counted = len(s.inputs) - s.warmup
    s.operations = {"beat": counted, "lane": counted * TRITS * columns * count}
    return s


def decoder(streams: list[Stream], columns: int, t5: bool) -> Stimulus:
    """Beats of a weight_decoder in stream order: T5 codes, or the same trits in two bits each."""
    s = Stimulus()
    for stream in streams:
        for codes in stream.codes:
            rows = trits(codes[:columns])
            nonzero, negative = rows.T.flatten() != 0, rows.T.flatten() < 0
            pairs = nonzero + 2 * negative
            word = pack_fields(codes[:columns], 8) if t5 else pack_fields(pairs, 2)
            s.inputs.append({"valid_i": 1, "weights_i": word})
            s.expected.append({} if len(s.inputs) == 1 else previous)
            previous = {"nonzero_o": pack_fields(nonzero, 1), "negative_o": pack_fields(negative, 1)}
    s.warmup = 8
    cycles = len(s.inputs) - s.warmup
    s.operations = {"beat": cycles, "weight": cycles * TRITS * columns}
    return s


def digits(streams: list[Stream]) -> Stimulus:
    """Sums of whole beats through digit_weight for one activation column."""
    s, results = Stimulus(), []
    for stream in streams:
        value = stream.layout == "value"
        for tile, codes in zip(stream.tile, stream.codes):
            live = int(stream.valid[tile])
            sums = trits(codes[:live]) @ stream.x[0, tile, :live]
            total = int(sum(int(v) * 3**i for i, v in enumerate(sums)))
            s.inputs.append(
                {"en_i": 7, "sums_i": pack_fields(sums, 32), "value_layout_0_i": int(value)}
            )
            results.append(pack_fields([total] * TRITS if value else sums, 32))
    for i, row in enumerate(s.inputs):
        row["value_layout_2_i"] = s.inputs[max(i - 2, 0)]["value_layout_0_i"]
        s.expected.append({"addends_o": results[i - 3]} if i >= 3 else {})
    s.warmup = 8
    s.operations = {"beat": len(s.inputs) - s.warmup}
    return s


def bank(streams: list[Stream], half: int = 26) -> Stimulus:
    """Row blocks of eight stripes into an accumulator_bank, alternating between its halves, each
    drained while the next one is summed: the first row of each stripe."""
    s, memory, drain, base, held = Stimulus(), {}, [], 0, None
    for stream in streams:
        last = None
        for tile, stripe, codes in zip(stream.tile, stream.stripe, stream.codes):
            block = int(stripe) // 8
            if block != last:
                drain = sorted(entry for entry in memory if entry // half == base // half)
                base, last = half - base, block
            live = int(stream.valid[tile])
            addend = int(trits(codes[:live])[0] @ stream.x[0, tile, :live])
            entry = base + int(stripe) % 8
            row = {"add_i": 1, "first_i": int(tile == 0), "add_entry_i": entry,
                   "addend_i": addend % 2**32}
            memory[entry] = addend + (0 if tile == 0 else memory[entry])
            s.expected.append({"data_o": held} if held is not None else {})
            if drain:
                row |= {"read_i": 1, "read_entry_i": drain[0]}
                held = memory.pop(drain.pop(0)) % 2**32
            s.inputs.append(row)
    s.warmup = 40
    s.operations = {"beat": len(s.inputs) - s.warmup}
    return s


def queue(streams: list[Stream], width: int) -> Stimulus:
    """Weight bytes through a fifo, a word in and a word out every cycle."""
    s = Stimulus()
    reset(s)
    take = width // 8
    for stream in streams:
        for codes in stream.codes:
            word = pack_fields(codes[:take], 8)
            s.inputs.append({"rst_ni": 1, "wr_valid_i": 1, "wr_data_i": word, "rd_ready_i": 1})
            full = len(s.inputs) > 5  # a word is there two cycles after it came
            word = s.inputs[-3].get("wr_data_i")
            s.expected.append({"wr_ready_o": 1, "rd_valid_o": 1, "rd_data_o": word} if full else {})
    s.warmup = 12
    s.operations = {"word": len(s.inputs) - s.warmup}
    return s


def still(active: Stimulus, cycles: int = 64) -> Stimulus:
    """The block that `active` drives, after its reset and with nothing asked of it: what clock and
    leakage cost. Its outputs must stay as the registers started, at 0."""
    s = Stimulus()
    on = {"rst_ni": 1} if "rst_ni" in active.inputs[0] else {}
    quiet = {name: int(name == "wr_ready_o") for name in active.expected[-1]}
    for cycle in range(cycles):
        s.inputs.append(on if cycle > 3 else {})
        s.expected.append(quiet if cycle > 4 else {})
    s.warmup = 8
    s.operations = {"cycle": len(s.inputs) - s.warmup}
    return s
