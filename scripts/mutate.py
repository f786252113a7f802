# SPDX-License-Identifier: Apache-2.0
"""Proves that the checks can fail: builds the simulator with one deliberate fault at a time.

Every fault of tests/mutation/faults.yaml is applied to a copy of rtl/ or firmware/ and must be caught by `tern verify`: exit
status 1, the place of the mismatch or failure, and the command that reproduces it. Only what has the fault is built
anew, the simulated chips and the firmware; everything else of the program is that of build/, which is there or is built.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build"
FOLDERS = ("rtl", "firmware")  # that faults are in
TOKENS = {"nano": 4, "edge": 8}
TIMEOUT_CYCLES = 2_000_000


@dataclasses.dataclass(frozen=True)
class Run:
    """What shows a fault: a configuration, the body of its array, a model, and options of `tern verify`."""

    config: str
    body: str
    preset: str  # of `tern synth`; empty: the demo model
    context: str  # of its image; empty: the preset's
    options: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Run:
        """From "nano", "edge tree", "edge --group 1", "nano --preset tiny-qwen3 --context 4096"."""
        config, *rest = text.split()
        body = "fast"
        if rest and not rest[0].startswith("-"):
            body = rest.pop(0)
        synth = {"--preset": "", "--context": ""}
        for option in synth:
            if option in rest:
                at = rest.index(option)
                synth[option] = rest[at + 1]
                del rest[at : at + 2]
        return cls(config, body, *synth.values(), tuple(rest))

    @property
    def model(self) -> str:
        return f"{self.config}_{self.body}"

    def command(self, tern: pathlib.Path) -> list[str]:
        tokens = () if "--tokens" in self.options else ("--tokens", str(TOKENS[self.config]))
        return [str(tern), "verify", "--backend", f"rtl:{self.config}", "--body", self.body, "--quiet",
                "--timeout-cycles", str(TIMEOUT_CYCLES), *tokens, *self.options]  # fmt: skip


@dataclasses.dataclass
class Fault:
    name: str
    what: str
    file: str
    find: str
    replace: str
    runs: list[Run]


def load_faults(path: pathlib.Path) -> list[Fault]:
    faults = []
    for entry in yaml.safe_load(path.read_text()):
        runs = [Run.parse(text) for text in entry.pop("runs", ["nano"])]
        faults.append(Fault(**entry, runs=runs))
    names = [fault.name for fault in faults]
    if len(set(names)) != len(names):
        sys.exit(f"mutate: two faults share a name in {path}")
    for fault in faults:
        count = (ROOT / fault.file).read_text().count(fault.find)
        if count != 1:
            sys.exit(
                f"mutate: {fault.name}: the text to replace occurs {count} times in {fault.file}, not once; "
                "bring tests/mutation/faults.yaml up to date"
            )
    return faults


def write_if_changed(path: pathlib.Path, text: str) -> None:
    """Keeps the time stamp of files that stay as they are, so that only what a fault touches is rebuilt."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Mutants:
    """A build of chips and firmware from copies of rtl/ and firmware/, linked into the program of build/."""

    def __init__(self, build: pathlib.Path, jobs: int) -> None:
        self.build = build
        self.jobs = jobs
        for folder in FOLDERS:
            shutil.rmtree(build / "source" / folder, ignore_errors=True)
        if not (PROGRAM / "tern").exists():
            subprocess.run([ROOT / "scripts/build.sh", "release", "tern"], check=True)
        commands = subprocess.run(["ninja", "-C", PROGRAM, "-t", "commands", "tern"], capture_output=True, text=True, check=True)
        self.link_program = next(line for line in commands.stdout.splitlines() if " -o tern " in line)

    def apply(self, fault: Fault) -> None:
        for folder in FOLDERS:
            for source in sorted((ROOT / folder).rglob("*")):
                if source.is_dir():
                    continue
                text = source.read_text()
                if str(source.relative_to(ROOT)) == fault.file:
                    text = text.replace(fault.find, fault.replace)
                write_if_changed(self.build / "source" / source.relative_to(ROOT), text)

    def make(self, models: set[str]) -> str:
        """What went wrong, if anything."""
        configure = [
            "cmake", "-S", ".", "-B", str(self.build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DTERN_TESTS=OFF",
            f"-DTERN_RTL_DIR={self.build / 'source/rtl'}", f"-DTERN_FIRMWARE_DIR={self.build / 'source/firmware'}",
            f"-DTERN_MODELS={';'.join(sorted(models))}", "-DCMAKE_OPTIMIZE_DEPENDENCIES=ON",
        ]  # fmt: skip
        mutated = ["firmware/libtern_firmware_image.a", *(f"sim/libtern_model_{model}.a" for model in sorted(models))]
        link = self.link_program.replace(" -o tern ", f" -o {self.build / 'tern'} ")
        for library in mutated:
            if f" {library} " not in link:
                return f"does not build: {PROGRAM / 'tern'} is linked without {library}"
            link = link.replace(f" {library} ", f" {self.build / library} ")
        build = ["cmake", "--build", str(self.build), "-j", str(self.jobs), "--target", *(pathlib.Path(l).stem[3:] for l in mutated)]
        for command, folder in (configure, ROOT), (build, ROOT), (["bash", "-c", link], PROGRAM):
            result = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False, cwd=folder)
            if result.returncode:
                return f"does not build:\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
        return ""

    def verify(self, run: Run) -> tuple[str, str]:
        """Where the fault showed, or, if it did not, why not."""
        command = run.command(self.build / "tern")
        if run.preset:
            image = self.build / f"{run.preset}{run.context}-{run.config}.tern"
            context = ["--context", run.context] if run.context else []
            subprocess.run([str(self.build / "tern"), "synth", "--preset", run.preset, "--config", run.config,
                            *context, "-o", str(image), "--quiet"], check=True, timeout=600)  # fmt: skip
            command += ["--model", str(image)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
        except subprocess.TimeoutExpired:
            return "", "hangs"
        output = result.stdout + result.stderr
        lines = [line for line in output.splitlines() if line.startswith(("MISMATCH", "FAILURE"))]
        if result.returncode == 1 and lines and "rerun: tern verify" in output:
            return lines[0], ""
        return "", f"exit status {result.returncode}: {output.strip()[-200:]}"


def check(mutants: Mutants, fault: Fault) -> list[str]:
    """Builds with the fault and returns what went uncaught."""
    mutants.apply(fault)
    if trouble := mutants.make({run.model for run in fault.runs}):
        return [f"{fault.name}: {trouble}"]
    problems = []
    for run in fault.runs:
        place, trouble = mutants.verify(run)
        if place:
            print(f"    {run.config} {run.body}: {place[:150]}", flush=True)
        else:
            problems.append(f"{fault.name} on {run.config} ({run.body}): {trouble}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="faults to try; default: all")
    parser.add_argument("--list", action="store_true", help="list the faults and stop")
    parser.add_argument("--jobs", type=int, default=2, help="parallel compilations")
    parser.add_argument("--in", dest="file", default="", help="only faults in files that begin so, as firmware/ or rtl/vector")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "mutants", help="folder to build in")
    options = parser.parse_args()
    faults = load_faults(ROOT / "tests/mutation/faults.yaml")
    if unknown := set(options.names) - {fault.name for fault in faults}:
        sys.exit(f"mutate: unknown fault {', '.join(sorted(unknown))}; --list names them")
    faults = [f for f in faults if (f.name in options.names or not options.names) and f.file.startswith(options.file)]
    if options.list:
        for fault in faults:
            print(f"{fault.name:24} {fault.file:34} {fault.what}")
        return
    mutants = Mutants(options.build.resolve(), options.jobs)
    start = time.monotonic()
    survivors: list[str] = []
    for i, fault in enumerate(faults, 1):
        print(f"[{i}/{len(faults)}] {fault.name}: {fault.what}", flush=True)
        problems = check(mutants, fault)
        for problem in problems:
            print(f"    NOT CAUGHT: {problem}", flush=True)
        survivors += problems
    seconds = time.monotonic() - start
    runs = sum(len(fault.runs) for fault in faults)
    if survivors:
        sys.exit(f"mutate: FAIL: {len(survivors)} of {runs} runs did not notice their fault ({seconds:.0f} s)")
    print(f"mutate: PASS: all {len(faults)} faults caught in {runs} runs ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
