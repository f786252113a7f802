# SPDX-License-Identifier: Apache-2.0
"""The part of a library that is mapped to: without buffers that are made to be slow.

abc puts the smallest buffer behind a net with many loads, and in some libraries that is a delay
cell, which makes slow edges and so wastes energy in the gates behind it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

from errors import EnergyError
from files import run, write_atomically
from liberty import Library, groups
from sdf import delays

FANOUT = 12  # loads that a driver keeps
SLOW = 1.4  # times the delay of the fastest buffer

FUNCTIONS = """\
read_liberty -ignore_miss_func {liberty}
write_verilog -noattr {folder}/functions.v
"""


@dataclass(frozen=True)
class Mapping:
    """liberty is what abc and dfflibmap read, functions the cells' Verilog, buffer (cell, input,
    output) the one for nets with many loads."""

    liberty: Path
    functions: str
    buffer: tuple[str, str, str]


def buffers(functions: str) -> list[tuple[str, str, str]]:
    """(cell, input, output) of every buffer."""
    found = []
    for cell, body in re.findall(r"^module (\S+?)\(.*?\);(.*?)^endmodule", functions, re.M | re.S):
        ends = re.findall(r"^\s*(?:input|output) (\w+);", body, re.M)
        assigned = re.findall(r"assign (\w+) = (\w+);", body)
        if len(ends) == 2 and len(assigned) == 1 and set(assigned[0]) == set(ends):
            found.append((cell, assigned[0][1], assigned[0][0]))
    return found


def time_buffers(found, library: Library, folder: Path) -> list[int]:
    """Picoseconds through each buffer with FANOUT typical inputs behind it."""
    ports = ", ".join(f"y{i}" for i in range(len(found)))
    rows = [f"  {c} b{i} (.{a}(a), .{y}(y{i}));" for i, (c, a, y) in enumerate(found)]
    (folder / "netlist.v").write_text(
        f"module dut (a, {ports});\n  input a;\n  output {ports};\n" + "\n".join(rows)
        + "\nendmodule\n"
    )
    load = FANOUT * median(library.pins.values()) / library.farads
    (folder / "probe.tcl").write_text(
        f"read_liberty {library.path}\nread_verilog {folder}/netlist.v\nlink_design dut\n"
        f"set_input_delay 0 [all_inputs]\nset_load {load:.6g} [all_outputs]\n"
        f"write_sdf -digits 6 -no_timestamp {folder}/netlist.sdf\n"
    )
    run(["sta", "-no_splash", "-exit", folder / "probe.tcl"], folder)
    times = delays(folder)
    return [max(times[f"b{i}", y]) for i, (_, _, y) in enumerate(found)]


@lru_cache
def prepare(library: Library, folder: Path) -> Mapping:
    """Writes into `folder`. Raises EnergyError when the library has no buffer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "functions.ys").write_text(FUNCTIONS.format(liberty=library.path, folder=folder))
    run(["yosys", "-q", "-s", folder / "functions.ys"], folder)
    functions = (folder / "functions.v").read_text()
    found = buffers(functions)
    if not found:
        raise EnergyError(f"{library.path} has no buffer")
    times = time_buffers(found, library, folder)
    fast = [b for b, t in zip(found, times) if t <= SLOW * min(times)]
    slow = {b[0] for b in found} - {b[0] for b in fast}
    text, kept, at = library.path.read_text(errors="replace"), [], 0
    for start, end, cell, _ in groups(text, "cell"):
        if cell in slow:
            kept.append(text[at:start])
            at = end
    write_atomically(folder / "mapping.lib", "".join(kept) + text[at:])
    smallest = min(fast, key=lambda b: (library.areas[b[0]], b[0]))
    return Mapping(folder / "mapping.lib", functions, smallest)
