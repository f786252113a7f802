# SPDX-License-Identifier: Apache-2.0
"""The workloads that blocks.yaml names: a block's parameters and the operands to a stimulus."""

import stimuli
import vectors
from errors import EnergyError
from operands import Operands
from stimulus import Stimulus

CORE = "cpu_core"  # top of the block that replays a recording

BEATS = {"weights": 8, "head": 96, "attention": 40, "bank": 48}  # of each matrix


def streams(operands: Operands, which: str):
    """The head is values of trained weights, attention the keys and values of the KV cache."""
    chosen = operands.weights[::4] if which == "bank" else operands.weights
    if which in ("head", "attention"):
        chosen = [s for s in operands.values if s.name.endswith("head") == (which == "head")]
    return [s.first(BEATS[which]) for s in chosen]


def build(block, name: str, operands: Operands) -> Stimulus:
    """Raises EnergyError on a name that is none."""
    p = block.parameters
    if block.top == CORE:
        return operands.core.stimulus(name)
    if name == "idle":
        return stimuli.still(build(block, block.workloads[0], operands))
    if name in ("weights", "head", "attention"):
        chosen = streams(operands, name)
        if block.top == "digit_weight":
            return stimuli.digits(chosen)
        return stimuli.array(chosen, p["Columns"], p["ActColumns"])
    makers = {
        "lane": lambda: stimuli.lane(operands, p["Columns"], p["WeightBits"]),
        "decoder": lambda: stimuli.decoder(streams(operands, "weights"), p["Columns"], p["T5"] == "1'b1"),
        "bank": lambda: stimuli.bank(streams(operands, "bank")),
        "queue": lambda: stimuli.queue(streams(operands, "weights"), p["Width"]),
        "scale": lambda: vectors.scale(operands),
        "multiply": lambda: vectors.multiply(operands),
        "accumulate": lambda: vectors.accumulate(operands),
    }
    if name not in makers:
        raise EnergyError(f"blocks.yaml: no workload {name!r}; there are {sorted(makers)}")
    return makers[name]()
