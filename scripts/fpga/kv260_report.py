#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the cells of a design that yosys has mapped to UltraScale+ with what a K26 has.

Writes OUTPUT.json and OUTPUT.md and exits with 1 when something does not fit.
"""
import argparse
import json
import os
import pathlib
import sys

# Kria K26 SOM data sheet, DS987, table of the programmable logic.
AVAILABLE = {"LUT": 117120, "FF": 234240, "block RAM (36 kbit)": 144, "UltraRAM (288 kbit)": 64, "DSP": 1248}

# How much of which resource a cell takes. A LUT of six inputs that is a memory counts as one for each of its parts.
COSTS = {
    **{f"LUT{n}": ("LUT", 1) for n in range(1, 7)},
    "INV": ("LUT", 1),
    "SRL16E": ("LUT", 1), "SRLC32E": ("LUT", 1),
    "RAM32X1D": ("LUT", 2), "RAM64X1D": ("LUT", 2), "RAM128X1D": ("LUT", 4),
    "RAM32M": ("LUT", 4), "RAM64M": ("LUT", 4), "RAM32M16": ("LUT", 8), "RAM64M8": ("LUT", 8),
    **{cell: ("FF", 1) for cell in ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1")},
    "RAMB36E2": ("block RAM (36 kbit)", 1), "RAMB18E2": ("block RAM (36 kbit)", 0.5),
    "URAM288": ("UltraRAM (288 kbit)", 1),
    "DSP48E2": ("DSP", 1),
}
FREE = {"CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "BUFG", "IBUF", "OBUF"}  # part of a slice, or of the pins


def write(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=pathlib.Path, required=True, help="what yosys' stat -json wrote")
    parser.add_argument("--yosys", required=True, help="version")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="report, without .json and .md")
    args = parser.parse_args()

    text = args.cells.read_text()
    # yosys 0.23 writes the tree of modules, as text, between the modules and their sum.
    cells = json.loads("{" + text[text.rindex('"design"'):])["design"]["num_cells_by_type"]
    unknown = sorted(set(cells) - set(COSTS) - FREE)
    if unknown:
        print(f"fpga: cells that the report does not know: {', '.join(unknown)}; add them to scripts/fpga/kv260_report.py", file=sys.stderr)
        return 1
    used = dict.fromkeys(AVAILABLE, 0)
    for cell, number in cells.items():
        if cell in COSTS:
            resource, cost = COSTS[cell]
            used[resource] += number * cost

    report = {"tools": {"yosys": args.yosys}, "resources": {name: {"used": used[name], "available": number, "percent": round(100 * used[name] / number, 1)}
                            for name, number in AVAILABLE.items()}}
    lines = [
        "# kv260: resources", "",
        f"Written by `scripts/fpga.sh kv260` with {args.yosys}: one `k26` chip as `kv260_top`, mapped but not placed; measured. "
        "A LUT of few inputs and an inverter count as a whole one, so these are more than a tool that packs two into one needs. "
        "Available is what the K26 module has (data sheet DS987).", "",
        "| resource | used | of | share |", "|---|---|---|---|",
        *(f"| {name} | {u['used']:,} | {u['available']:,} | {u['percent']} % |" for name, u in report["resources"].items()),
    ]
    write(args.output.with_suffix(".json"), json.dumps(report, indent=1) + "\n")
    write(args.output.with_suffix(".md"), "\n".join(lines) + "\n")
    failures = [f"{name}: {u['used']:,} of {u['available']:,}" for name, u in report["resources"].items() if u["used"] > u["available"]]
    for failure in failures:
        print(f"fpga: does not fit: {failure}; see {args.output}.md", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
