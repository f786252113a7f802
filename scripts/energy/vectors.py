# SPDX-License-Identifier: Apache-2.0
"""Stimuli of a lane of the vector unit: operations on vectors of the model's last token."""

import numpy as np

from operands import Operands
from stimulus import Stimulus

# Fields of vector_pkg::issue_t and shift_t from their lowest bit on, and values of their enums.
VIEW, Z, Y, X, FIRST, VALID = 0, 2, 4, 7, 12, 13
SHIFT_ROUND = 6
X_HEAD, X_FIRST, Y_SCALAR, Y_HEAD, Z_NONE, Z_FIRST = 0, 1, 0, 4, 0, 2
LATENCY = 6  # cycles from the operands to the output
INT32 = 2**31
ELEMENTS = 48  # of each vector


def issue(x: int, y: int, z: int) -> int:
    return 1 << VALID | x << X | y << Y | z << Z


def shift(k: int) -> int:
    """shift_t of v * 2^-k, rounded; k from 1 to 62."""
    return 1 << SHIFT_ROUND | (k - 1)


def saturate(value: int) -> int:
    return max(-INT32, min(INT32 - 1, value))


def rounded(value: int, k: int) -> int:
    return saturate((value + (1 << (k - 1))) >> k)


def multiplier(largest: int) -> tuple[int, int]:
    """(m, k) with m 2^-k = 127 / largest and 2^30 <= m < 2^31."""
    k = 0
    while (127 << (k + 1)) // largest < 2**31:
        k += 1
    return (127 << k) // largest, k


def scale(operands: Operands) -> Stimulus:
    """Quantisation, y = x m 2^-k: an element every cycle."""
    s = Stimulus()
    for name in ("attn_residual", "ffn_residual", "attn_output", "ffn_gate"):
        values = operands.vectors[name]
        m, k = multiplier(int(np.abs(values).max()))
        for v in values[:ELEMENTS]:
            s.inputs.append(
                {"issue_i": issue(X_HEAD, Y_SCALAR, Z_NONE), "head_i": int(v) % 2**32,
                 "scalar_i": m, "shift_i": shift(k), "y": rounded(int(v) * m, k)}
            )
    return finish(s, 1)


def multiply(operands: Operands) -> Stimulus:
    """y = a b 2^-k of gate and up: a in one cycle, b in the next."""
    s = Stimulus()
    gate, up = operands.vectors["ffn_gate"], operands.vectors["ffn_up"]
    for a, b in zip(gate[: 2 * ELEMENTS], up):
        s.inputs.append({"issue_i": 1 << FIRST, "head_i": int(a) % 2**32, "shift_i": shift(4)})
        s.inputs.append(
            {"issue_i": issue(X_FIRST, Y_HEAD, Z_NONE), "head_i": int(b) % 2**32,
             "shift_i": shift(4), "y": rounded(int(a) * int(b), 4)}
        )
    return finish(s, 2)


def accumulate(operands: Operands) -> Stimulus:
    """y = b + a m 2^-k, sums of a layer to the residual: b in one cycle, a in the next."""
    s = Stimulus()
    pairs = (("attn_output", "attn_residual"), ("ffn_down", "ffn_residual"))
    for a_name, b_name in pairs:
        m, k = 0x5A3C1F27, 25  # a scale of the size that turns sums into residual units
        for a, b in zip(operands.vectors[a_name][:ELEMENTS], operands.vectors[b_name]):
            y = saturate(int(b) + rounded(int(a) * m, k))
            common = {"scalar_i": m, "shift_i": shift(k), "post_i": 1}
            s.inputs.append({**common, "issue_i": 1 << FIRST, "head_i": int(b) % 2**32})
            s.inputs.append(
                {**common, "issue_i": issue(X_HEAD, Y_SCALAR, Z_FIRST), "head_i": int(a) % 2**32,
                 "y": y}
            )
    return finish(s, 2)


def finish(s: Stimulus, cycles_per_element: int) -> Stimulus:
    """Moves what each operation needs to the cycle of its stage, and the results to the outputs. The
    valid bit of an issue enables the stages one cycle after the other."""
    rows = [dict(row) for row in s.inputs]
    s.inputs, s.expected = [], []
    at = lambda i, name, default=0: rows[i].get(name, default) if i >= 0 else default
    for i, row in enumerate(rows):
        live = [at(i - stage - 1, "issue_i") >> VALID & 1 for stage in range(5)]
        s.inputs.append(
            {"issue_i": row["issue_i"], "head_i": row["head_i"], "scalar_i": at(i, "scalar_i"),
             "enable_i": sum(bit << stage for stage, bit in enumerate(live)),
             "shift_i": at(i - 3, "shift_i"), "round_i": int(i >= 4), "post_i": at(i - 5, "post_i")}
        )
        y = at(i - LATENCY, "y", None)
        s.expected.append({} if y is None else {"y_o": y % 2**32})
    s.warmup = 12
    s.operations = {"element": (len(rows) - s.warmup) // cycles_per_element}
    return s
