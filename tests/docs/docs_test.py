# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md, CONTRIBUTING.md and docs/: python docs_test.py BUILD parse|run|slow.

parse: every command, in a block or within the text, is one that its program takes; each command of a block is run by
`run` or `slow`, or stands in NOT_RUN with the reason.
run, slow: the commands of blocks run as they are written, in a folder that looks like the repository and has the files
that they name; exit status 0, and no traceback.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import example_files

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Not the rows of a list, whose columns stand apart, nor what an arrow leads from.
IS_COMMAND = re.compile(r"([A-Z_]+=\S+ )*(build/(tern|tests/)[\w${}]*|scripts/[\w/]+\.(sh|py)|tern|ctest|cmake|yosys|for)( (?!  |-->)|$)")

# Commands of blocks that take minutes: run under the label slow. Patterns match from the start.
SLOW = [
    r"build/tern synth --preset bitnet-2b4t",  # 1.4 GB
    r"build/tern (run|verify) .*--model build/2b4t",
    r"build/tern perf .*--compare",
    r"build/tern dram( |$)(?!ddr4)",
    r"build/tern bench( |$)",
    r"build/tern sweep ",
    r"build/tests/tlm_rtl_comparison_test",
    r"scripts/compare_configs\.py",
    r"scripts/formal\.sh", r"scripts/mutate\.sh", r"scripts/synth\.sh",
    r"ctest .*-L slow", r"ctest .*FaultInjection", r"ctest .*HostLink",
    r"TERN_FIRST_FAULT=",
    r"build/tests/sdram_controller_test",
    r"for t in (instructions|operations)",
    r"for p in bitnet llama qwen3",
    r"cmake --build",
    r"build/tern run --backend board:",
    r"build/tern run --backend rtl:nano --tokens 1 --trace",
    r"build/tern verify --backend rtl:(edge --tokens 64|nano --tokens 16)",
    r"build/tern eval --text tests/data/sampled\.txt",
]

# Commands of blocks that no test can run, and why.
NOT_RUN = [
    (r"scripts/(demo|test)\.sh", "builds and tests everything; this test is part of it"),
    (r"scripts/fpga\.sh", "hours of place and route, or a board; tests/fpga runs the flow on a small design"),
    (r"scripts/energy\.sh|scripts/energy/merge_liberty\.py|scripts/area\.sh|for part in", "hours, or cell libraries that are not in the repository; tests/energy runs it on a block"),
    (r"tern (run|info|verify) --backend uart:/dev/", "needs a board; tests/board runs them on the emulated one"),
    (r"tern emulate ulx3s", "waits for its client; tests/board runs both"),
    (r"scripts/fuzz\.sh", "needs clang; Fuzz.CorpusOf.* replays what it found"),
    (r"scripts/bench_llama_cpp\.sh", "needs an hour and a quiet machine"),
    (r"cmake (--install|-S docs/examples|--build story)", "writes beside the repository; Install.AnExampleBuildsAgainstTheLibrary does it in a folder of its own"),
    (r"yosys ", "an example of a size; scripts/synth.sh runs yosys in the tests"),
]

# What stands for a name in a command within the text, so that it can be taken.
PLACEHOLDERS = {"PATH": "/dev/null", "RATE": "0.5", "NAME": "bonsai-8b", "N": "5", "T": "osu018", "D": "ddr4-2400", "PORT": "/dev/null"}


class Command:
    def __init__(self, page: Path, line: int, text: str, in_block: bool):
        self.where, self.text, self.in_block = f"{page.relative_to(ROOT)}:{line}", text, in_block

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def commands_of(page: Path) -> list[Command]:
    found, fenced = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            text = re.sub(r"\s+# .*", "", line.strip())
            if IS_COMMAND.match(text):
                found.append(Command(page, number, text, True))
        else:
            found += [Command(page, number, span, False) for span in re.findall(r"`([^`]+)`", line) if IS_COMMAND.match(span)]
    return found


def matches(patterns: list[str], text: str) -> bool:
    return any(re.match(pattern, text) for pattern in patterns)


def reason_not_to_run(command: Command) -> str | None:
    return next((why for pattern, why in NOT_RUN if re.match(pattern, command.text)), None)


def problem(command: Command, build: Path, folder: Path) -> str | None:
    """Why the command's program would not take it; None if it would."""
    try:
        words = shlex.split(command.text)
    except ValueError as e:
        return str(e)
    while re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    program = words[0]
    if program in ("tern", "build/tern"):
        if command.in_block and "$(" in command.text:
            words = shlex.split(re.sub(r"\$\([^)]*\)", "text", command.text))
        if any("|" in word for word in words):  # a choice: the first
            words = [word.split("|")[0].strip("[]") for word in words]
        words = [PLACEHOLDERS.get(word, re.sub(r"^(uart:)PATH$", r"\1/dev/null", word).strip("[]")) for word in words[1:]]
        result = subprocess.run([build / "tests/parse_command", *words], cwd=folder, capture_output=True, text=True)
        # A command or a flag that is only named need not be complete.
        named = not command.in_block and re.match(r"RequiredError|ArgumentMismatch: .* missing", result.stderr)
        return None if result.returncode == 0 or named else result.stderr.strip()
        return result.stderr.strip()
    if program.startswith("build/tests/") or program == "build/tern_energy":
        name = program.rsplit("/", 1)[1]
        known = subprocess.run(["ninja", "-C", build, "-t", "query", name if "tests" not in program else f"tests/{name}"], capture_output=True)
        return None if known.returncode == 0 else f"{program} is nothing that is built"
    if program.startswith("scripts/"):
        runs = program.endswith(".py") or os.access(ROOT / program, os.X_OK)
        return None if runs and (ROOT / program).exists() else f"{program} is not there, or cannot be run"
    return None


def check_all(build: Path, folder: Path, commands: list[Command]) -> list[str]:
    failures = []
    for command in commands:
        if why := problem(command, build, folder):
            failures.append(f"{command}\n    {why}")
    for pattern, _ in NOT_RUN:
        if not any(re.match(pattern, command.text) for command in commands):
            failures.append(f"NOT_RUN has {pattern!r}, which no command matches")
    for pattern in SLOW:
        if not any(re.match(pattern, command.text) for command in commands):
            failures.append(f"SLOW has {pattern!r}, which no command matches")
    return failures


def run_all(build: Path, folder: Path, commands: list[Command]) -> list[str]:
    failures, done = [], set()
    environment = os.environ | {"PATH": f"{build}:{os.environ['PATH']}"}
    for command in commands:
        if command.text in done:
            continue
        done.add(command.text)
        start = time.monotonic()
        result = subprocess.run(["bash", "-c", command.text], cwd=folder, env=environment, input="hello\n", capture_output=True, text=True, errors="replace")
        print(f"{time.monotonic() - start:7.1f} s  {command}", flush=True)
        if result.returncode != 0 or "Traceback" in result.stderr:
            failures.append(f"{command}\n    exit status {result.returncode}: {(result.stderr or result.stdout)[-800:]}")
    return failures


def main(build: Path, mode: str) -> int:
    commands = [command for page in PAGES for command in commands_of(page)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for entry in ROOT.iterdir():
            if entry.name not in ("build", ".git"):
                (folder / entry.name).symlink_to(entry)
        (folder / "build").symlink_to(build)
        example_files.write(folder)
        if mode == "parse":
            failures = check_all(build, folder, commands)
        else:
            blocks = [c for c in commands if c.in_block and not reason_not_to_run(c) and matches(SLOW, c.text) == (mode == "slow")]
            failures = run_all(build, folder, blocks)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{len(commands)} commands on {len(PAGES)} pages, {len(failures)} failures")
    return 1 if failures or len(commands) < 100 else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2]))
