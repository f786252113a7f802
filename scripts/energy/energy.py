# SPDX-License-Identifier: Apache-2.0
"""Energy and area of the blocks on a standard-cell library: synthesis, timing, gate-level simulation
with operands of the demo model, power. See docs/energy.md."""

import argparse
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from errors import EnergyError
from files import run, write_atomically
from liberty import Library
from measure import Block, measure, progress
from operands import Operands
from workloads import CORE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "sim" / "energy" / "results"


def versions() -> dict[str, str]:
    def first(command: list[str], pattern: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True)
        match = re.search(pattern, done.stdout + done.stderr)
        return match[1] if match else "unknown"

    return {
        "yosys": first(["yosys", "-V"], r"Yosys (\S+)"),
        "opensta": first(["sta", "-version"], r"([\d.]+)"),
        "icarus": first(["iverilog", "-V"], r"version ([\d.]+)"),
    }


def to_json(value, indent: int = 0) -> str:
    """JSON with one line for each figure."""
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()):
        pad = "  " * (indent + 1)
        rows = (f"{pad}{json.dumps(k)}: {to_json(v, indent + 1)}" for k, v in value.items())
        return "{\n" + ",\n".join(rows) + "\n" + "  " * indent + "}"
    return json.dumps(value)


def load_operands(core: bool) -> Operands:
    """What the blocks work on, from runs of the golden model and, for the core, of the RTL."""
    folder = ROOT / "build" / "energy"
    folder.mkdir(parents=True, exist_ok=True)

    def record(name: str, *arguments: str) -> Path:
        program, path = ROOT / "build" / name, folder / f"{name.removeprefix('tern_')}.json"
        if not program.exists():
            raise EnergyError(f"{program} is missing: run scripts/build.sh release {name}")
        run([program, *arguments, "-o", path], ROOT)
        return path

    return Operands.read(
        record("tern_operands", "--beats", "160"), record("tern_core_ports") if core else None
    )


def main() -> int:
    table = yaml.safe_load((HERE / "blocks.yaml").read_text())
    blocks = {name: Block(name=name, **entry) for name, entry in table["blocks"].items()}
    parser = argparse.ArgumentParser(prog="energy.sh", description=__doc__)
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help=f"default: all of {', '.join(blocks)}")
    parser.add_argument("--liberty", type=Path, help="liberty file; default: that of osu018")
    parser.add_argument("--name", default="osu018", help="of the technology, and of its results")
    parser.add_argument("--clock-mhz", type=float, help="default: the technology's")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that the JSON file goes to")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "energy", help="for netlists and logs")
    parser.add_argument("--reuse", action="store_true", help="take netlists that --work has; only for a repeated run")
    args = parser.parse_args()
    known = table["technologies"].get(args.name, {})
    liberty = args.liberty or (Path(known["liberty"]) if "liberty" in known else None)
    clock = args.clock_mhz or known.get("clock_mhz")
    unknown = sorted(set(args.blocks) - set(blocks))
    if unknown:
        parser.error(f"no block {unknown[0]}; there are {', '.join(blocks)}")
    if not liberty or not clock:
        parser.error(f"--name {args.name} needs {'--clock-mhz' if liberty else '--liberty'}")
    try:
        library = Library.read(liberty.resolve())
        chosen = args.blocks or list(blocks)
        operands = load_operands(any(blocks[name].top == CORE for name in chosen))
        target = args.results / f"{args.name}.json"
        results = json.loads(target.read_text()) if target.exists() and args.blocks else {}
        results.update(
            technology=args.name,
            title=known.get("title", library.library),
            node_nm=known.get("node_nm", 0),
            library={
                "name": library.library, "file": liberty.name, "sha256": library.sha256,
                "corner": library.corner, "voltage": library.voltage,
                "temperature": library.temperature,
            },
            tools=versions(),
            date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        )
        results.setdefault("blocks", {})
        for name in chosen:
            folder = args.work.resolve() / args.name / name
            progress(f"{args.name} ({library.library}, {clock:g} MHz), {name}")
            results["blocks"][name] = measure(
                blocks[name], library, operands, ROOT, folder, clock, args.reuse
            )
            write_atomically(target, to_json(results) + "\n")
        print(f"energy: {target}")
    except (EnergyError, OSError) as error:
        print(f"energy: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
