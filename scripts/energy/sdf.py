# SPDX-License-Identifier: Apache-2.0
"""Delays of a netlist as OpenSTA writes them."""

import re
from pathlib import Path


def delays(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(instance, output pin) -> slowest rise and fall in picoseconds, from netlist.sdf."""
    text = (folder / "netlist.sdf").read_text()
    scale = re.search(r"TIMESCALE 1(\w)s", text)
    unit = {"n": 1e3, "p": 1.0}[scale[1] if scale else "n"]
    worst: dict[tuple[str, str], tuple[int, int]] = {}
    instance = ""
    for line in text.splitlines():
        if match := re.search(r"\(INSTANCE ([^)]*)\)", line):
            instance = match[1]
        elif match := re.search(r"\(IOPATH (?:\(\w+ \S+\)|\S+) (\S+) (.*)\)", line):
            values = [
                max((float(v) for v in re.findall(r"-?[\d.]+(?:e-?\d+)?", group)), default=0.0)
                for group in re.findall(r"\(([^()]*)\)", match[2])
            ]
            rise, fall = (round(unit * v) for v in (values * 2)[:2])
            old = worst.get((instance, match[1]), (0, 0))
            worst[instance, match[1]] = (max(old[0], rise), max(old[1], fall))
    return worst
