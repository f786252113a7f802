# SPDX-License-Identifier: Apache-2.0
"""What tern says of contexts and chips that are too small: python limits_test.py TERN models|presets."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from llama_cpp_oracle import write_model

TERN = sys.argv[1]
LLAMA = ("llama", 256, 4, 2, 64, 512, False, (), False)
TRITS = ("--weights-trits", 2)
failures = 0


def check(what: str, good: bool, found: object = "") -> None:
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {found}'}")


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([TERN, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


def refused(done: subprocess.CompletedProcess, *parts: str) -> bool:
    return done.returncode == 1 and done.stderr.startswith("tern: error: ") and all(p in done.stderr for p in parts)


def context_of(image: Path) -> int:
    return json.loads(run("info", "--model", image, "--json").stdout)["context"]


def contexts(folder: Path) -> None:
    model, image = folder / "c8129.gguf", folder / "out.tern"
    write_model(model, LLAMA, 1, 8129)
    done = run("convert", "--model", model, *TRITS, "-o", image)
    check("convert takes the largest context that edge holds", done.returncode == 0 and context_of(image) == 8128, done.stderr)
    check("  and says so", "context 8128 of the model's 8129 positions" in done.stderr and "--context" in done.stderr, done.stderr)
    check("  the chip takes the image", run("run", "--backend", "tlm:edge", "--model", image, "--prompt", "t1", "--tokens", 2).returncode == 0)
    done = run("run", "--model", image, "--context", 100)
    check("an image keeps its context", refused(done, "8128 positions", "tern convert"), done.stderr)
    check("  unless the same is asked for", run("run", "--model", image, "--context", 8128, "--prompt", "t1", "--tokens", 2).returncode == 0)
    image.unlink()
    done = run("convert", "--model", model, *TRITS, "--context", 8129, "-o", image)
    check("a context that edge cannot hold is refused with the largest", refused(done, "258 tiles", "--context 8128") and not image.exists(), done.stderr)
    done = run("convert", "--model", model, *TRITS, "--context", 8130, "-o", image)
    check("a context that the model has not is refused", refused(done, "--context 8130", "8129 positions") and not image.exists(), done.stderr)
    check("another context is taken", run("convert", "--model", model, *TRITS, "--context", 100, "-o", image, "--quiet").returncode == 0 and context_of(image) == 100)
    done = run("convert", "--model", model, *TRITS, "--config", "nano", "--context", 3000, "-o", image)
    check("nano has its own limit", refused(done, "scratchpad", "--context 2"), done.stderr)
    done = run("run", "--model", model, *TRITS, "--prompt", "t1", "--tokens", 2)
    check("golden runs what the chip cannot, and says so", done.returncode == 0 and "no chip of configuration edge runs this model" in done.stderr and "258 tiles" in done.stderr, done.stderr)
    done = run("run", "--model", model, *TRITS, "--prompt", "t1", "--tokens", 2, "--config", "edge", "--context", 8129)
    check("  not for a configuration that is named", refused(done, "258 tiles"), done.stderr)
    done = run("run", "--model", model, *TRITS, "--prompt", "t1", "--tokens", 300, "--context", 64, "--json")
    check("a run ends at its context", done.returncode == 0 and json.loads(done.stdout)["tokens"] <= 64, done.stderr)
    for command in (("doctor",), ("verify", "--backend", "tlm:edge"), ("perf",), ("run", "--backend", "tlm:edge")):
        flag = "--positions" if command[0] == "perf" else "--context"
        done = run(*command, "--model", model, *TRITS, flag, 8129)
        check(f"{command[0]} says what the chip would say", done.returncode == 1 and "258 tiles" in done.stdout + done.stderr and f"{flag} 8128" in done.stdout + done.stderr, done.stdout + done.stderr)
    for context in (32768, 65536, 131072, 262144):
        write_model(model, LLAMA, 1, context)
        for backend in ("golden:", "reference:", "tlm:edge"):
            done = run("run", "--model", model, *TRITS, "--backend", backend, "--prompt", "t1", "--tokens", 3)
            check(f"a model of {context} positions runs on {backend}", done.returncode == 0, done.stderr)
        check("  the chip's share is said", "context 8128 of" in done.stderr, done.stderr)
        done = run("doctor", model, *TRITS, "--json")
        check("  doctor says the same", done.returncode == 0 and json.loads(done.stdout)["facts"]["chip"]["context"] == 8128, done.stdout)
    image = folder / "synth.tern"
    done = run("synth", "--preset", "demo", "--context", 8192, "--config", "edge", "-o", image)
    check("synth refuses what the firmware would", refused(done, "largest context that fits is 8128") and not image.exists(), done.stderr)
    done = run("perf", "--preset", "demo", "--data-bytes", 16384)
    check("a data memory that is too small for the firmware is refused", refused(done, "linked for 32768 bytes"), done.stderr)


def presets() -> None:
    unknown = run("perf", "--preset", "nosuch").stderr
    names = re.findall(r"[a-z0-9.-]+", unknown.partition("known: ")[2])
    check("the presets are known", len(names) >= 21 and "falcon3-10b" in names, unknown)
    for name in names:
        done = run("perf", "--preset", name, "--layers", 1, "--json")
        if name in ("falcon3-7b", "falcon3-10b"):
            check(f"perf refuses {name} and names the flag", refused(done, "no context is short enough", "--act-depth "), done.stderr)
            flags = re.search(r"a chip with ((?:--[a-z-]+ \d+ ?)+)", done.stderr)
            done = run("perf", "--preset", name, "--layers", 1, "--json", *(flags[1].split() if flags else ()))
        check(f"perf runs {name}", done.returncode == 0 and json.loads(done.stdout)["results"][0]["cycles"] > 0, done.stderr)
        done = run("report", "--preset", name, "--layers", 1, "--json")
        good = refused(done, "no context is short enough", "--act-depth ") if name in ("falcon3-7b", "falcon3-10b") else done.returncode == 0
        check(f"report runs {name}, or names the flag", good, done.stderr)
    done = run("perf", "--preset", "llama3-8b", "--layers", 1)
    check("a context that is less than the preset's is said", "--positions" in done.stderr, done.stderr)
    done = run("perf", "--preset", "demo", "--model", "nosuch.gguf")
    check("perf takes a preset or a model", done.returncode == 2, done.stderr)
    timed = json.loads(run("perf", "--preset", "demo", "--clock-mhz", 100, "--json").stdout)
    first = timed["results"][0]
    check("perf tells the time at a clock", timed["clock_mhz"] == 100 and abs(first["microseconds_per_token"] * 100 - first["cycles_per_token"]) < 1e-6 * first["cycles"]
          and abs(first["tokens_per_second"] * first["microseconds_per_token"] - 1e6) < 1)


if __name__ == "__main__":
    if sys.argv[2] == "models":
        with tempfile.TemporaryDirectory() as directory:
            contexts(Path(directory))
    else:
        presets()
    sys.exit(1 if failures else 0)
