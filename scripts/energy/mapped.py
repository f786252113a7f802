# SPDX-License-Identifier: Apache-2.0
"""What yosys 0.23 leaves to be done on a mapped netlist.

Buffer trees behind registers and inputs with many loads: abc buffers neither. And registers that
store the inverse of their data: dfflibmap adds the inverter at the output, but connects set and
reset as if there were none."""

import json
import re
from pathlib import Path

from mapping import FANOUT, Mapping


def inverting_registers(functions: str) -> dict[str, tuple[str, str]]:
    """Set and reset pins of each cell that stores the inverse of its data."""
    found = {}
    for cell, body in re.findall(r"^module (\S+?)\(.*?\);(.*?)^endmodule", functions, re.M | re.S):
        stored = re.search(
            r"if \(!(\w+)\) (\w+) <= 1'[bh]\w;\s*else if \(!(\w+)\) \2 <= 1'[bh]\w;\s*else \2 <= (\w+);",
            body,
        )
        if stored and re.search(rf"assign {stored[4]} = ~", body):
            found[cell] = (stored[1], stored[3])
    return found


def finish_netlist(folder: Path, mapping: Mapping) -> None:
    """Rewrites netlist.json."""
    path = folder / "netlist.json"
    design = json.loads(path.read_text())
    module = design["modules"]["dut"]
    inverting = inverting_registers(mapping.functions)
    for instance in module["cells"].values():
        if instance["type"] in inverting:
            one, other = inverting[instance["type"]]
            pins = instance["connections"]
            pins[one], pins[other] = pins[other], pins[one]
    insert_buffers(module, *mapping.buffer)
    path.write_text(json.dumps(design))


def insert_buffers(module: dict, cell: str, into: str, out: str) -> None:
    """No driver but the clock's keeps more than FANOUT loads."""
    clock = module["ports"]["clk_i"]["bits"][0]
    loads: dict[int, list[list]] = {}
    highest = 1
    for instance in module["cells"].values():
        for pin, bits in instance["connections"].items():
            if isinstance(bits[0], int):
                highest = max(highest, bits[0])
                if instance["port_directions"][pin] == "input":
                    loads.setdefault(bits[0], []).append(bits)
    for net in module["netnames"].values():
        highest = max([highest, *(b for b in net["bits"] if isinstance(b, int))])
    count = 0
    work = [(bit, sinks) for bit, sinks in loads.items() if bit != clock and len(sinks) > FANOUT]
    for bit, sinks in work:
        inputs = []
        for at in range(0, len(sinks), FANOUT):
            highest += 1
            count += 1
            for bits in sinks[at : at + FANOUT]:
                bits[0] = highest
            inputs.append([bit])
            module["cells"][f"buffer_{count}"] = {
                "hide_name": 0, "type": cell, "parameters": {}, "attributes": {},
                "port_directions": {into: "input", out: "output"},
                "connections": {into: inputs[-1], out: [highest]},
            }
            module["netnames"][f"buffered_{count}"] = {
                "hide_name": 0, "bits": [highest], "attributes": {},
            }
        if len(inputs) > FANOUT:
            work.append((bit, inputs))
