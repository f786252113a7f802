"""Proves that the checks can fail: builds the simulator from RTL with one deliberate fault at a time.

Every fault of tests/mutation/faults.yaml is applied to a copy of rtl/ and must be caught by `tern verify`: exit status 1, the
place of the mismatch or failure, and the command that reproduces it.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "mutants"
RTL = BUILD / "rtl"
DEFAULT_RUNS = [{"backend": "rtl:nano", "body": "fast"}, {"backend": "rtl:edge", "body": "fast"}]
TOKENS = {"rtl:nano": 16, "rtl:edge": 64}


def load_faults(path: pathlib.Path) -> list[dict]:
    faults = yaml.safe_load(path.read_text())
    names = [fault["name"] for fault in faults]
    if len(set(names)) != len(names):
        sys.exit(f"mutate: two faults share a name in {path}")
    for fault in faults:
        fault.setdefault("runs", DEFAULT_RUNS)
        text = (ROOT / "rtl" / fault["file"]).read_text()
        if text.count(fault["find"]) != 1:
            sys.exit(
                f"mutate: {fault['name']}: the text to replace occurs {text.count(fault['find'])} times in rtl/{fault['file']}, "
                "not once; bring tests/mutation/faults.yaml up to date"
            )
    return faults


def write_if_changed(path: pathlib.Path, text: str) -> None:
    """Keeps the time stamp of files that stay as they are, so that only what a fault touches is rebuilt."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def apply(fault: dict | None) -> None:
    for source in sorted((ROOT / "rtl").rglob("*")):
        if source.is_dir():
            continue
        relative = source.relative_to(ROOT / "rtl")
        text = source.read_text()
        if fault and str(relative) == fault["file"]:
            text = text.replace(fault["find"], fault["replace"])
        write_if_changed(RTL / relative, text)


def run(command: list[str], timeout: int) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT)


def build(models: str, jobs: int) -> None:
    configure = run(
        ["cmake", "-S", ".", "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", f"-DTERN_RTL_DIR={RTL}",
         f"-DTERN_MODELS={models}", "-DTERN_TESTS=OFF"],
        600,
    )
    if configure.returncode:
        sys.exit(f"mutate: cmake failed:\n{configure.stdout[-2000:]}{configure.stderr[-2000:]}")
    result = run(["cmake", "--build", str(BUILD), "-j", str(jobs), "--target", "tern"], 3000)
    if result.returncode:
        sys.exit(f"mutate: the build failed:\n{result.stdout[-3000:]}")


def verify(backend: str, body: str) -> tuple[int, str, str]:
    command = [str(BUILD / "tern"), "verify", "--backend", backend, "--body", body, "--tokens", str(TOKENS[backend]), "--quiet",
               "--timeout-cycles", "2000000"]
    try:
        result = run(command, 600)
    except subprocess.TimeoutExpired:
        return -1, "", "hangs"
    return result.returncode, result.stdout + result.stderr, ""


def where(output: str) -> str:
    """The line that says where; empty when the output does not have one, or no command to reproduce it."""
    lines = [line for line in output.splitlines() if line.startswith(("MISMATCH", "FAILURE"))]
    return lines[0] if lines and "rerun: tern verify" in output else ""


def check(fault: dict, jobs: int) -> list[str]:
    """Builds with the fault and returns what went uncaught."""
    models = ";".join(sorted({f"{r['backend'].removeprefix('rtl:')}_{r['body']}" for r in fault["runs"]}))
    apply(fault)
    build(models, jobs)
    problems = []
    for r in fault["runs"]:
        code, output, trouble = verify(r["backend"], r["body"])
        place = where(output)
        if code == 1 and place:
            print(f"    {r['backend']} {r['body']}: {place[:150]}", flush=True)
        else:
            problems.append(f"{fault['name']} on {r['backend']} ({r['body']}): {trouble or f'exit status {code}'}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="faults to try; default: all")
    parser.add_argument("--list", action="store_true", help="list the faults and stop")
    parser.add_argument("--jobs", type=int, default=2, help="parallel compilations")
    parser.add_argument("--backend", help="only the runs of this backend")
    options = parser.parse_args()
    faults = load_faults(ROOT / "tests/mutation/faults.yaml")
    if unknown := set(options.names) - {fault["name"] for fault in faults}:
        sys.exit(f"mutate: unknown fault {', '.join(sorted(unknown))}; --list names them")
    if options.names:
        faults = [fault for fault in faults if fault["name"] in options.names]
    if options.backend:
        for fault in faults:
            fault["runs"] = [r for r in fault["runs"] if r["backend"] == options.backend]
        faults = [fault for fault in faults if fault["runs"]]
    if options.list:
        for fault in faults:
            print(f"{fault['name']:24} rtl/{fault['file']:32} {fault['what']}")
        return
    shutil.rmtree(RTL, ignore_errors=True)
    start = time.monotonic()
    survivors: list[str] = []
    for i, fault in enumerate(faults, 1):
        print(f"[{i}/{len(faults)}] {fault['name']}: {fault['what']}", flush=True)
        problems = check(fault, options.jobs)
        for problem in problems:
            print(f"    NOT CAUGHT: {problem}", flush=True)
        survivors += problems
    seconds = time.monotonic() - start
    if survivors:
        sys.exit(f"mutate: FAIL: {len(survivors)} of {sum(len(f['runs']) for f in faults)} runs did not notice their fault")
    print(f"mutate: PASS: all {len(faults)} faults caught in {sum(len(f['runs']) for f in faults)} runs ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
