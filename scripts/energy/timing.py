# SPDX-License-Identifier: Apache-2.0
"""Timing of a netlist from OpenSTA."""

import re

from errors import EnergyError
from files import run
from liberty import Library
from synthesis import Netlist

SETUP = """\
read_liberty {liberty}
read_verilog {folder}/netlist.v
link_design dut
create_clock -name clock -period {period} [get_ports clk_i]
set inputs {{}}
foreach port [all_inputs] {{
  if {{[get_full_name $port] ne "clk_i"}} {{ lappend inputs $port }}
}}
set_input_delay {input_delay} -clock clock $inputs
set_input_transition {transition} $inputs
set_output_delay 0 -clock clock [all_outputs]
"""
TIMING = """\
puts "slack: [sta::time_sta_ui [sta::worst_slack_cmd max]]"
write_sdf -digits 6 -no_timestamp {folder}/netlist.sdf
"""


def time_unit(library: Library) -> float:
    match = re.search(r"time_unit\s*:\s*\"1([np])s\"", library.path.read_text(errors="replace"))
    if not match:
        raise EnergyError(f"liberty: {library.path} has no time_unit of 1ns or 1ps")
    return {"n": 1e-9, "p": 1e-12}[match[1]]


def setup(netlist: Netlist, library: Library, period: float) -> str:
    unit = time_unit(library)
    return SETUP.format(
        liberty=library.path, folder=netlist.folder, period=period / unit,
        input_delay=0.1 * period / unit, transition=0.02 * period / unit,
    )


def timing(netlist: Netlist, library: Library, period: float) -> float:
    """Worst slack in seconds at the period; writes netlist.sdf. Inputs come a tenth of the period
    after the edge, wires have no delay."""
    script = netlist.folder / "timing.tcl"
    script.write_text(setup(netlist, library, period) + TIMING.format(folder=netlist.folder))
    out = run(["sta", "-no_splash", "-exit", script], netlist.folder)
    match = re.search(r"^slack: (\S+)$", out, re.M)
    if not match:
        raise EnergyError(f"OpenSTA gave no slack for {script}:\n{out[-2000:]}")
    return float(match[1]) * time_unit(library)
