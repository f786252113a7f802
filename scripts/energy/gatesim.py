# SPDX-License-Identifier: Apache-2.0
"""Gate-level simulation with Icarus, and the activity of every net.

A cell is its function from the liberty file behind one delay for each output: the slowest arc that
OpenSTA calculated for that instance. Delays are inertial, so glitches are simulated as far as they
would get through a gate. Flip-flops start as if their data had been 0."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from errors import EnergyError
from files import run
from sdf import delays
from stimulus import Stimulus
from synthesis import Netlist

BENCH = """\
`timescale 1ps/1ps
module bench;
  reg clk = 0;
  reg [{inputs}:0] stimulus [0:{last}];
  reg [{outputs}:0] expected [0:{last}], care [0:{last}];
  reg [{inputs}:0] in = 0;
  wire [{outputs}:0] out;
  integer i, errors = 0;
  dut u_dut (.clk_i(clk), {connections});
  initial begin
    $readmemh("stimulus.hex", stimulus);
    $readmemh("expected.hex", expected);
    $readmemh("care.hex", care);
    $dumpfile("activity.vcd");
    #(4 * {period});
    for (i = 0; i <= {last}; i = i + 1) begin
      clk = 1;
      if (i == {warmup}) $dumpvars(1, u_dut);
      #({hold}) in = stimulus[i];
      #({half} - {hold}) clk = 0;
      #({period} - {half} - 1);
      if (((out ^ expected[i]) & care[i]) !== 0) begin
        errors = errors + 1;
        if (errors <= 3)
          $display("MISMATCH cycle %0d", i, "\\n  netlist  %h\\n  expected %h\\n  care     %h",
                   out, expected[i], care[i]);
      end
      #1;
    end
    $display("errors: %0d", errors);
    $finish;
  end
endmodule
"""


@dataclass
class Activity:
    """Of every net over `cycles` cycles: transitions, those that are left when a cycle has settled,
    and the part of the time that it is high."""

    cycles: int
    toggles: dict[str, int] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    high: dict[str, float] = field(default_factory=dict)


def pack(ports: list[tuple[str, int]], values: dict[str, int]) -> int:
    word = at = 0
    for name, width in ports:
        value = values.get(name, 0)
        if value < 0 or value >> width:
            raise EnergyError(f"stimulus: {value} does not fit in port {name} of {width} bits")
        word |= value << at
        at += width
    return word


def connect(ports: list[tuple[str, int]], bus: str) -> list[str]:
    at, out = 0, []
    for name, width in ports:
        out.append(f".{name}({bus}[{at + width - 1}:{at}])")
        at += width
    return out


def cell_models(netlist: Netlist) -> str:
    """Verilog of the cells in use: the function, then a delay for each output."""
    functions = netlist.mapping.functions
    used, out = set(netlist.cells.values()), ["`timescale 1ps/1ps"]
    for match in re.finditer(r"^module (\S+?)\((.*?)\);(.*?)^endmodule", functions, re.M | re.S):
        name, ports, body = match[1], match[2], match[3]
        if name not in used:
            continue
        outputs = re.findall(r"^\s*output (\w+);", body, re.M)
        for port in outputs:
            body = re.sub(rf"\b{port}\b", f"{port}__f", body)
            body = body.replace(f"output {port}__f;", f"output {port};\n  wire {port};")
        data = re.findall(r"(\w+) <= (\w+);", body)
        inverted = bool(data) and re.search(rf"assign {data[-1][1]} = ~", body) is not None
        body = re.sub(r"^(\s*)reg (\w+);", rf"\1reg \2 = {int(inverted)};", body, flags=re.M)
        params = "".join(f"  parameter {p}_r = 0, {p}_f = 0;\n" for p in outputs)
        paths = "".join(f"  assign #({p}_r, {p}_f) {p} = {p}__f;\n" for p in outputs)
        out.append(f"module {name}({ports});\n{params}{body}{paths}endmodule\n")
    return "\n".join(out)


def annotated(netlist: Netlist) -> str:
    """The netlist with the delays as parameters of its instances."""
    by_instance: dict[str, list[str]] = {}
    for (instance, pin), (rise, fall) in delays(netlist.folder).items():
        by_instance.setdefault(instance, []).append(f".{pin}_r({rise}), .{pin}_f({fall})")
    text = (netlist.folder / "netlist.v").read_text()

    def add(match: re.Match) -> str:
        cell, instance = match[1], match[2]
        if netlist.cells.get(instance) != cell:
            return match[0]
        parameters = by_instance.pop(instance, None)
        return f"  {cell} #({', '.join(parameters)}) {instance} (" if parameters else match[0]

    text = re.sub(r"^  (\w+) (\w+) (?:/\*.*?\*/ )?\(", add, text, flags=re.M)
    if by_instance:
        raise EnergyError(f"gatesim: no instance for the delays of {sorted(by_instance)[:3]}")
    return "`timescale 1ps/1ps\n" + text


def simulate(netlist: Netlist, stimulus: Stimulus, period_ps: int) -> Activity:
    """Runs the netlist against the stimulus. Raises EnergyError if an output differs, or if nothing
    was compared."""
    folder = netlist.folder
    ports = [(n, w) for n, (d, w) in netlist.ports.items() if d == "input" and n != "clk_i"]
    outs = [(n, w) for n, (d, w) in netlist.ports.items() if d == "output"]
    unknown = {k for row in stimulus.inputs for k in row} - {n for n, _ in ports}
    if unknown:
        raise EnergyError(f"stimulus: the block has no input {sorted(unknown)}")
    lines: dict[str, list[str]] = {"stimulus": [], "expected": [], "care": []}
    compared = 0
    for row, want in zip(stimulus.inputs, stimulus.expected, strict=True):
        lines["stimulus"].append(f"{pack(ports, row):x}")
        lines["expected"].append(f"{pack(outs, want):x}")
        care = {n: (1 << w) - 1 for n, w in outs if n in want}
        lines["care"].append(f"{pack(outs, care):x}")
        compared += len(care)
    if not compared:
        raise EnergyError("stimulus: no output is compared")
    for name, rows in lines.items():
        (folder / f"{name}.hex").write_text("\n".join(rows) + "\n")
    (folder / "cells.v").write_text(cell_models(netlist))
    (folder / "annotated.v").write_text(annotated(netlist))
    bench = BENCH.format(
        inputs=sum(w for _, w in ports) - 1, outputs=sum(w for _, w in outs) - 1,
        last=len(stimulus.inputs) - 1, warmup=stimulus.warmup, hold=period_ps // 10,
        half=period_ps // 2, period=period_ps,
        connections=", ".join(connect(ports, "in") + connect(outs, "out")),
    )
    (folder / "bench.v").write_text(bench)
    run(["iverilog", "-g2012", "-o", "bench.vvp", "bench.v", "annotated.v", "cells.v"], folder)
    out = run(["vvp", "-n", "bench.vvp"], folder)
    if "errors: 0\n" not in out:
        raise EnergyError(f"gate-level simulation differs from what is expected ({folder}):\n{out}")
    activity = read_activity(folder / "activity.vcd", period_ps)
    (folder / "activity.vcd").unlink()
    if activity.cycles != len(stimulus.inputs) - stimulus.warmup:
        raise EnergyError(f"gatesim: {activity.cycles} cycles in the dump of {folder}")
    return activity


def read_names(file: TextIO) -> dict[str, list[str]]:
    """The labels of each bit of a dump's codes, "code.bit"; reads up to the end of the definitions."""
    names: dict[str, list[str]] = {}
    for line in file:
        if line.startswith("$var"):
            _, _, width, code, name, *index = line.split()
            name = name.lstrip("\\")
            count = int(width)
            labels = [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]
            if index and index[0] != "$end" and count == 1:
                labels = [f"{name}{index[0]}"]
            for i, label in enumerate(labels):
                names.setdefault(f"{code}.{i}", []).append(label)
        elif line.startswith("$enddefinitions"):
            break
    return names


def read_activity(path: Path, period_ps: int) -> Activity:
    """Counts transitions in a dump that begins at a rising edge of the clock."""
    now: dict[str, str] = {}
    toggles: dict[str, int] = {}
    settled: dict[str, int] = {}
    high: dict[str, int] = {}
    since: dict[str, int] = {}
    at_edge: dict[str, str] = {}
    start = time = edge = None

    with path.open() as file:
        names = read_names(file)

        def settle() -> None:
            for key in touched:
                if at_edge.get(key) != now[key]:
                    settled[key] = settled.get(key, 0) + 1
                    at_edge[key] = now[key]
            touched.clear()

        def change(key: str, value: str) -> None:
            old = now.get(key)
            if old == value:
                return
            now[key] = value
            if old is None or old in "xz":
                since[key] = time
                at_edge.setdefault(key, value)
                return
            if old == "1":
                high[key] = high.get(key, 0) + time - since[key]
            since[key] = time
            if value in "01":
                toggles[key] = toggles.get(key, 0) + 1
                touched.add(key)

        touched: set[str] = set()
        for line in file:
            kind = line[0]
            if kind in "01xz":
                change(line[1:-1] + ".0", kind)
            elif kind == "#":
                time = int(line[1:])
                if start is None:
                    start = edge = time
                while time >= edge + period_ps:
                    edge += period_ps
                    settle()
            elif kind == "b":
                value, code = line[1:].split()
                width = sum(1 for _ in value)
                bits = value[::-1]
                i = 0
                while f"{code}.{i}" in names:
                    fill = "0" if bits[-1] in "01" else bits[-1]
                    change(f"{code}.{i}", bits[i] if i < width else fill)
                    i += 1
        settle()
    if start is None:
        raise EnergyError(f"gatesim: {path} is empty")
    activity = Activity(cycles=(time - start + 1) // period_ps)
    for key, labels in names.items():
        if now.get(key) == "1":
            high[key] = high.get(key, 0) + time - since[key]
        for label in labels:
            activity.toggles[label] = toggles.get(key, 0)
            activity.settled[label] = settled.get(key, 0)
            activity.high[label] = min(high.get(key, 0) / max(time - start, 1), 1.0)
    return activity
