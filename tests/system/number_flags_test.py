# SPDX-License-Identifier: Apache-2.0
"""That every numeric flag of every command takes numbers of its range alone: python number_flags_test.py TERN."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TERN = sys.argv[1]
# None of these is a value of any flag. Counts, seeds and probabilities have no sign; 2^64 is one more than a seed can be.
NONSENSE = ["nan", "inf", "-inf", "-1", "1e99", "-1e99", "18446744073709551616", "", " ", "5 ", " 5", "0x10", "+5", "1e400", "five", "1,5"]
failures = 0


def check(what: str, good: bool, more: object = "") -> None:
    global failures
    failures += not good
    if not good:
        print(f"FAIL {what}: {more}")


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([TERN, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def main() -> int:
    commands = re.findall(r"^  ([a-z]+)  ", run("--help").stdout.split("Subcommands:")[1], re.M)
    check("commands are found", {"run", "verify", "perf", "report", "sweep", "dram"} <= set(commands), commands)
    tried = 0
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "plan.yaml").write_text("models: [demo]\n")
        (folder / "text.txt").write_text("Once upon a time\n")
        # What a command cannot do without, so that its absence is not what is refused.
        needed = {"convert": ["-o", folder / "x"], "synth": ["--preset", "demo", "-o", folder / "x"], "eval": ["--text", folder / "text.txt"],
                  "emulate": ["ulx3s"], "sweep": [folder / "plan.yaml", "-o", folder / "points"]}
        for command in commands:
            flags = re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)(?:,--[a-z0-9-]+)* (?:U?INT|FLOAT)\b", run(command, "--help").stdout, re.M)
            for flag in flags:
                for value in NONSENSE:
                    done = run(command, *needed.get(command, []), f"{flag}={value}")
                    check(f"{command} {flag}={value!r} is a usage error", done.returncode == 2 and flag in done.stderr and not done.stdout,
                          (done.returncode, done.stderr[:200], done.stdout[:100]))
                    tried += 1
                    done = run(command, *needed.get(command, []), flag, value) if value in ("nan", "-1", "") else done
                    check(f"{command} {flag} {value!r} is a usage error", done.returncode == 2, (done.returncode, done.stderr[:200]))
    check("there are flags", tried > 40 * len(NONSENSE), tried)
    ten = json.loads(run("run", "--tokens", "010", "--temperature", "0", "--json", "--quiet").stdout)
    check("010 is ten, not eight", ten["tokens"] == 10, ten["tokens"])
    last = json.loads(run("run", "--tokens", "1", "--seed", str(2**64 - 1), "--json").stdout)
    check("2^64-1 is a seed", last["seed"] == 2**64 - 1, last["seed"])
    greedy = [json.loads(run("run", "--tokens", "8", "--temperature", t, "--json").stdout)["ids"] for t in ("0", "1e-310")]
    check("a temperature that is nearly 0 is one", greedy[0] == greedy[1], greedy)
    print(f"{tried} values, {failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
