# SPDX-License-Identifier: Apache-2.0
"""RTL to a netlist of library cells with yosys, and what the netlist consists of."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from mapped import finish_netlist
from mapping import Mapping, prepare
from errors import EnergyError
from files import run
from liberty import Library

READ = """\
{reads}
{parameters}hierarchy -check -top {top}
"""

# Registers keep their enables as multiplexers: these libraries' clock gates are not inserted.
# Names are made plain, so that the netlist, the simulation and the timing tool agree on them.
MAP = """\
proc -norom
check -assert
flatten
opt
memory
opt -full
techmap
opt
dfflibmap -liberty {mapping}
opt_clean
abc -liberty {mapping} -D {period_ps} -constr {constraints}
rename -hide
opt_clean -purge
setundef -zero
splitnets
opt_clean -purge
rename -top dut
read_liberty -lib -ignore_miss_func {liberty}
write_json {folder}/netlist.json
"""

# Through Verilog and back, so that names are those of the netlist that other tools read.
WRITE = """\
read_json {folder}/netlist.json
check -assert
stat -liberty {liberty} -top dut
write_verilog -noattr -noexpr {folder}/netlist.v
design -reset
read_liberty -lib -ignore_miss_func {liberty}
read_verilog {folder}/netlist.v
hierarchy -top dut
write_json {folder}/netlist.json
"""


@dataclass(frozen=True)
class Pin:
    instance: str
    pin: str
    cell: str
    output: bool


@dataclass
class Netlist:
    """A mapped block. `nets` maps a bit's name, as the simulation dumps it, to its pins; `ports`
    maps a port to (direction, width); `cells` an instance to its cell."""

    folder: Path
    area: float
    cells: dict[str, str]
    flip_flops: int
    ports: dict[str, tuple[str, int]]
    nets: dict[str, list[Pin]]
    input_bits: set[str]
    mapping: Mapping


def synthesise(
    block, library: Library, rtl_root: Path, folder: Path, period_ps: int, reuse: bool = False
) -> Netlist:
    """Maps a block, asking for `period_ps`; with `reuse` takes the netlist that is in the folder, if
    there is one. Raises EnergyError when yosys objects."""
    mapping = prepare(library, folder.parent / "library")
    reads = "\n".join(f"read_verilog -sv -DSYNTHESIS {rtl_root / f}" for f in block.sources)
    sets = " ".join(f"-set {k} {v}" for k, v in block.parameters.items())
    script = READ.format(
        reads=reads, top=block.top, parameters=f"chparam {sets} {block.top}\n" if sets else ""
    )
    constraints = folder / "constraints"
    # Four times the input of the library's smallest inverter, roughly: abc wants a load.
    constraints.write_text(f"set_load {4e15 * min(library.pins.values()):.3f} [all_outputs]\n")
    log_path = folder / "write.log"
    if reuse and log_path.exists():
        return read_netlist(folder, log_path.read_text(), mapping)
    log_path.unlink(missing_ok=True)
    names = dict(
        mapping=mapping.liberty,
        liberty=library.path, folder=folder, period_ps=period_ps, constraints=constraints,
    )
    (folder / "map.ys").write_text(script + MAP.format(**names))
    (folder / "map.log").write_text(run(["yosys", "-s", folder / "map.ys"], folder))
    finish_netlist(folder, mapping)
    (folder / "write.ys").write_text(WRITE.format(**names))
    log = run(["yosys", "-s", folder / "write.ys"], folder)
    log_path.write_text(log)
    return read_netlist(folder, log, mapping)


def read_netlist(folder: Path, log: str, mapping: Mapping) -> Netlist:
    area = re.findall(r"Chip area for module '\\dut': ([\d.]+)", log)
    if not area or "is unknown!" in log:
        raise EnergyError(f"synthesis: a cell has no area in the library, see {folder}/write.log")
    module = json.loads((folder / "netlist.json").read_text())["modules"]["dut"]
    sequential = {
        name
        for name, body in re.findall(r"^module (\S+?)\(.*?;(.*?)^endmodule", mapping.functions, re.M | re.S)
        if "always" in body
    }
    bit_names: dict[int, str] = {}
    for name, net in module["netnames"].items():
        for index, bit in enumerate(net["bits"]):
            label = name if len(net["bits"]) == 1 else f"{name}[{index}]"
            bit_names.setdefault(bit, label)
    nets: dict[str, list[Pin]] = {}
    cells: dict[str, str] = {}
    for instance, cell in module["cells"].items():
        cells[instance] = cell["type"]
        for pin, bits in cell["connections"].items():
            if isinstance(bits[0], int):
                output = cell["port_directions"][pin] == "output"
                entry = Pin(instance, pin, cell["type"], output)
                nets.setdefault(bit_names[bits[0]], []).append(entry)
    ports = {n: (p["direction"], len(p["bits"])) for n, p in module["ports"].items()}
    inputs = {
        bit_names[bit]
        for port in module["ports"].values()
        if port["direction"] == "input"
        for bit in port["bits"]
    }
    return Netlist(
        folder=folder,
        area=float(area[-1]),
        cells=cells,
        flip_flops=sum(cell in sequential for cell in cells.values()),
        ports=ports,
        nets=nets,
        input_bits=inputs,
        mapping=mapping,
    )
