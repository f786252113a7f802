#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Picks the best of the runs of nextpnr and reports it as JSON and Markdown.

A run is FOLDER/seed_N.json, what nextpnr writes with --report, and FOLDER/seed_N.seconds. The best is that with the
largest ratio of achieved to wanted frequency on its worst clock. Exits with 1 when it misses a clock or fills more
of the FPGA than the limit; the report is written all the same.
"""
import argparse
import json
import os
import pathlib
import sys

RESOURCES = {
    "TRELLIS_COMB": "LUT4",
    "TRELLIS_FF": "FF",
    "DP16KD": "BRAM (DP16KD, 18 kbit)",
    "MULT18X18D": "DSP (MULT18X18D)",
    "EHXPLLL": "PLL",
    "TRELLIS_IO": "pins",
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("board", help="name in the title")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where the runs are")
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--yosys", required=True, help="version")
    parser.add_argument("--nextpnr", required=True, help="version")
    parser.add_argument("--limit", type=float, default=80, help="per cent of each resource of the fabric (default: 80)")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="report, without .json and .md")
    parser.add_argument("--best", type=pathlib.Path, required=True, help="file for the number of the best seed")
    return parser.parse_args()


def write(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def clock_name(net):
    return net.removeprefix("$glbnet$")


def clocks(run):
    """Name to (achieved, wanted) in MHz."""
    return {clock_name(net): (f["achieved"], f["constraint"]) for net, f in run["fmax"].items()}


def margin(run):
    return min(achieved / wanted for achieved, wanted in clocks(run).values())


def critical_path(run):
    """The slowest path from a clock to itself: total and steps, delays in ns."""
    within = [p for p in run["critical_paths"] if p["from"] == p["to"] and p["from"] != "<async>"]
    path = max(within, key=lambda p: sum(step["delay"] for step in p["path"]))["path"]
    kinds = {}
    for step in path:
        kinds[step["type"]] = kinds.get(step["type"], 0) + step["delay"]
    return {
        "nanoseconds": round(sum(step["delay"] for step in path), 2),
        "by_kind": {kind: round(delay, 2) for kind, delay in kinds.items()},
        "levels": sum(step["type"] == "logic" for step in path),
        "nets": list(dict.fromkeys(step["net"] for step in path if "net" in step and "$" not in step["net"])),
        "sources": list(dict.fromkeys(source.split(":")[0] for step in path for source in step.get("sources", [])
                                      if source.startswith(("rtl/", "fpga/")))),
    }


def resources(run):
    table = {}
    for cell, name in RESOURCES.items():
        use = run["utilization"][cell]
        table[name] = {"used": use["used"], "available": use["available"],
                       "percent": round(100 * use["used"] / use["available"], 1)}
    return table


def seconds(folder, name):
    return int((folder / f"{name}.seconds").read_text())


def markdown(board, report):
    path = report["critical_path"]
    lines = [
        f"# {board}: resources and timing",
        "",
        f"Written by `scripts/fpga.sh {board}` with {report['tools']['yosys']} and {report['tools']['nextpnr']}; all is measured, "
        "frequencies as nextpnr's timing analysis of speed grade 6 has them.",
        "",
        "| resource | used | of | share |",
        "|---|---|---|---|",
        *(f"| {name} | {u['used']:,} | {u['available']:,} | {u['percent']} % |" for name, u in report["resources"].items()),
        "",
        "| clock | wanted, MHz | achieved, MHz |",
        "|---|---|---|",
        *(f"| {name} | {c['wanted_mhz']} | {c['achieved_mhz']} |" for name, c in report["clocks"].items()),
        "",
        "| seed | " + " | ".join(f"{name}, MHz" for name in report["clocks"]) + " | place and route, s |",
        "|---|" + "---|" * (len(report["clocks"]) + 1),
        *(f"| {seed} | " + " | ".join(str(f) for f in run["achieved_mhz"].values()) + f" | {run['seconds']} |"
          for seed, run in report["seeds"].items()),
        "",
        f"The best seed is {report['best_seed']}. Synthesis took {report['synthesis_seconds']} s. "
        "Run times are those of one machine.",
        "",
        f"Critical path, {path['nanoseconds']} ns in {path['levels']} levels of logic ("
        + ", ".join(f"{kind} {delay}" for kind, delay in path["by_kind"].items()) + "), along these nets:",
        "",
        *(f"* `{net}`" for net in path["nets"]),
        "",
        "and through " + ", ".join(f"`{source}`" for source in path["sources"]) + ".",
    ]
    return "\n".join(lines) + "\n"


def main():
    args = parse_arguments()
    runs = {seed: json.loads((args.folder / f"seed_{seed}.json").read_text()) for seed in args.seeds}
    best = max(runs, key=lambda seed: margin(runs[seed]))
    run = runs[best]
    report = {
        "tools": {"yosys": args.yosys, "nextpnr": args.nextpnr},
        "resources": resources(run),
        "clocks": {name: {"achieved_mhz": round(f[0], 2), "wanted_mhz": round(f[1], 2)} for name, f in clocks(run).items()},
        "best_seed": best,
        "seeds": {seed: {"achieved_mhz": {name: round(f[0], 2) for name, f in clocks(r).items()},
                         "seconds": seconds(args.folder, f"seed_{seed}")} for seed, r in runs.items()},
        "synthesis_seconds": seconds(args.folder, "synth"),
        "critical_path": critical_path(run),
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write(args.output.with_suffix(".json"), json.dumps(report, indent=1) + "\n")
    write(args.output.with_suffix(".md"), markdown(args.board, report))
    write(args.best, f"{best}\n")

    failures = [f"clock {name} achieves {f['achieved_mhz']} MHz of {f['wanted_mhz']}" for name, f in report["clocks"].items()
                if f["achieved_mhz"] < f["wanted_mhz"]]
    failures += [f"{name}: {use['percent']} % of the FPGA, more than {args.limit} %"
                 for name, use in report["resources"].items() if name not in ("PLL", "pins") and use["percent"] > args.limit]
    for failure in failures:
        print(f"fpga: {failure}; see {args.output}.md", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
