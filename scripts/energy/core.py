# SPDX-License-Identifier: Apache-2.0
"""What went in and out of the controller's core in a run of the chip, as tern_core_ports writes it,
and stimuli from it."""

import json
from pathlib import Path

from errors import EnergyError
from stimulus import Stimulus

BOOT = 0  # where the core fetches first
REGISTERS = 32


def load_immediate(register: int, value: int) -> list[int]:
    """Instructions that set a register: LUI and ADDI."""
    low = value & 0xFFF
    high = (value + 0x800) & 0xFFFFF000
    return [high | register << 7 | 0x37, low << 20 | register << 15 | register << 7 | 0x13]


def jump(offset: int) -> int:
    """JAL without a link."""
    if offset % 2 or not -(1 << 20) <= offset < 1 << 20:
        raise EnergyError(f"core: a jump by {offset} does not fit into a JAL")
    bits = offset & 0x1FFFFF
    return (
        (bits >> 20) << 31 | (bits >> 1 & 0x3FF) << 21 | (bits >> 11 & 1) << 20
        | (bits >> 12 & 0xFF) << 12 | 0x6F
    )


class Core:
    """Recorded stretches of the firmware, by name."""

    def __init__(self, stretches: dict):
        self.stretches = stretches

    @staticmethod
    def read(path: Path) -> "Core":
        return Core(json.loads(path.read_text()))

    def stimulus(self, name: str) -> Stimulus:
        """A stretch on a core that comes from reset: instructions on its fetch port first set the
        registers as the recording found them, then jump to where it begins. The outputs are
        compared in every cycle from there on; trap_info_o only means something after a trap."""
        stretch = self.stretches[name]
        program = [
            word for register in range(1, REGISTERS)
            for word in load_immediate(register, stretch["registers"][register])
        ]
        program.append(jump(stretch["pc"] - (BOOT + 4 * len(program))))
        s = Stimulus()
        # In reset, until it runs, and until the first instruction is there.
        rows = [{}] * 3 + [{"rst_ni": 1, "run_i": 1}] * 2
        rows += [{"rst_ni": 1, "run_i": 1, "fetch_data_i": word} for word in program]
        s.inputs += rows
        s.expected += [{} for _ in rows]
        ports = stretch["ports"]
        inputs = [p for p in ports if p.endswith("i")]
        outputs = [p for p in ports if p.endswith("_o")]
        cycles = len(ports["run_i"])
        for i in range(cycles):
            s.inputs.append({p: ports[p][i] for p in inputs})
            # In the first cycle the outputs of addresses are of an instruction that is dropped.
            s.expected.append({p: ports[p][i] for p in outputs} | {"retire_o": 0} if i else {})
        s.warmup = len(rows) + stretch["lead"]
        s.operations = {k: n for k, n in stretch["counts"].items() if n}
        return s
