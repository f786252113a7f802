# SPDX-License-Identifier: Apache-2.0
"""One block through synthesis, timing, gate-level simulation and power; the figures it gives."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import power
import timing
import workloads
from errors import EnergyError
from gatesim import Activity, simulate
from liberty import Library
from operands import Operands
from synthesis import Netlist, synthesise


@dataclass(frozen=True)
class Block:
    """A block of blocks.yaml."""

    name: str
    doc: str
    top: str
    sources: list[str]
    workloads: list[str]
    parameters: dict = field(default_factory=dict)
    clock_divide: int = 1


def figure(value: float, unit: str, tag: str, source: str) -> dict:
    return {"value": float(f"{value:.5g}"), "unit": unit, "tag": tag, "source": source}


def progress(text: str) -> None:
    print(f"energy: {text}", file=sys.stderr, flush=True)


def toggling(netlist: Netlist, activity: Activity) -> tuple[float, float]:
    """(transitions a net and cycle, part of them that are glitches), without the clock."""
    nets = [n for n in netlist.nets if n != "clk_i"]
    toggles = sum(activity.toggles.get(n, 0) for n in nets)
    settled = sum(activity.settled.get(n, 0) for n in nets)
    return toggles / len(nets) / activity.cycles, (toggles - settled) / toggles if toggles else 0.0


def measure_workload(netlist: Netlist, library: Library, name: str, stimulus, period_ps: int) -> dict:
    activity = simulate(netlist, stimulus, period_ps)
    rate, glitches = toggling(netlist, activity)
    if name != "idle" and rate == 0:
        raise EnergyError(f"no net toggles in the workload {name} ({netlist.folder})")
    period = period_ps * 1e-12
    watts = power.power(netlist, library, period, activity)
    clock, inputs = power.port_energy(netlist, library, activity)
    per_cycle = {k: w.total * period * 1e12 for k, w in watts.items()}
    tool = "icarus + liberty tables"
    total = per_cycle["total"]
    with_pins = total + (clock + inputs) * 1e12
    result = {
        "cycles": activity.cycles,
        "operations": stimulus.operations,
        "transitions_per_net": figure(rate, "1/cycle", "measured", "icarus"),
        "glitches": figure(glitches, "of transitions", "measured", "icarus"),
        "cells": figure(total, "pJ/cycle", "measured", tool),
        "registers": figure(per_cycle["sequential"], "pJ/cycle", "measured", tool),
        "leakage": figure(watts["total"].leakage * 1e6, "uW", "measured", "liberty"),
        "clock_pins": figure(clock * 1e12, "pJ/cycle", "derived", "liberty: C V^2 of the clock pins"),
        "input_pins": figure(inputs * 1e12, "pJ/cycle", "derived", "icarus + liberty: C V^2 / 2"),
        "with_pins": figure(with_pins, "pJ/cycle", "derived", "cells + clock_pins + input_pins"),
    }
    for operation, count in stimulus.operations.items():
        energy = with_pins * activity.cycles / count
        result[f"per_{operation}"] = figure(energy, f"pJ/{operation}", "derived", "with_pins")
    return result


def measure(
    block: Block, library: Library, operands: Operands, root: Path, folder: Path, clock_mhz: float,
    reuse: bool = False,
) -> dict:
    """Raises EnergyError when a tool fails, the clock is missed or an output is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    clock = clock_mhz / block.clock_divide
    period_ps = 2 * round(0.5e6 / clock)
    progress(f"{block.name}: synthesis")
    netlist = synthesise(block, library, root, folder, period_ps, reuse)
    slack = timing.timing(netlist, library, period_ps * 1e-12) * 1e12
    if slack < 0:
        raise EnergyError(
            f"{block.name} misses {clock:g} MHz by {-slack:.0f} ps on {library.library}; "
            "lower --clock-mhz, or set clock_divide in blocks.yaml"
        )
    result = {
        "doc": block.doc,
        "parameters": block.parameters,
        "clock": figure(clock, "MHz", "measured", "given; opensta finds it met"),
        "slack": figure(slack, "ps", "measured", "opensta"),
        "area": figure(netlist.area, "library units, um2", "measured", "yosys"),
        "cells": figure(len(netlist.cells), "cells", "measured", "yosys"),
        "flip_flops": figure(netlist.flip_flops, "cells", "measured", "yosys"),
        "workloads": {},
    }
    for name in block.workloads:
        progress(f"{block.name}: {len(netlist.cells)} cells, workload {name}")
        stimulus = workloads.build(block, name, operands)
        result["workloads"][name] = measure_workload(netlist, library, name, stimulus, period_ps)
    progress(f"{block.name}: done in {time.monotonic() - start:.0f} s")
    return result
