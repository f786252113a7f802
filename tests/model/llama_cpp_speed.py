# SPDX-License-Identifier: Apache-2.0
"""Speed of decoding beside llama.cpp: python llama_cpp_speed.py TERN WORK LIBRARIES [options].

Both run random weights of the shape of BitNet b1.58 2B-4T, one token at a time from the same position on, taking turns so
that both meet the machine in the same state: llama.cpp with linear layers in TQ2_0, the golden model with five trits a
byte. llama.cpp chooses its kernels for this processor.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import gguf

from llama_cpp import LlamaCpp, Session, fetch
from random_gguf import write_2b4t

CONTEXT = 512


def measure_golden(tern: Path, image: Path, threads: int, seconds: float) -> dict:
    command = [tern, "bench", "--only", "golden:", "--model", image, "--threads", str(threads), "--seconds", str(seconds)]
    run = subprocess.run([*command, "--json", "--quiet"], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)[0]


def measure_llama(session: Session, threads: int, first_position: int, window: int, tokens: int) -> dict:
    """As tern bench does it: windows of tokens at the same positions, the tokens before them not counted."""
    session.set_threads(threads)
    cpu = seconds = 0.0
    for _ in range(tokens // window):
        session.clear()
        for position in range(first_position):
            session.decode(position)
        cpu -= time.process_time()
        seconds -= time.perf_counter()
        for position in range(window):
            session.decode(position)
        seconds += time.perf_counter()
        cpu += time.process_time()
    return {"tokens": tokens, "seconds": seconds, "cpu_seconds": cpu}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("tern", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("libraries", type=Path)
    parser.add_argument("--head", choices=["q8_0", "q6_k", "f16"], default="q8_0", help="type of embedding and tied head in llama.cpp")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each turn")
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--keep", action="store_true", help="do not delete the two models, 2.3 GB, for another run")
    o = parser.parse_args()
    libraries = fetch(o.libraries)
    o.work.mkdir(parents=True, exist_ok=True)
    model = o.work / f"2b4t-{o.layers}-{o.head}.gguf"
    image = o.work / f"2b4t-{o.layers}.tern"
    print(f"writing {model} and {image}", file=sys.stderr)
    streamed = write_2b4t(model, gguf.GGMLQuantizationType[o.head.upper()], o.layers)
    subprocess.run([o.tern, "synth", "--preset", "bitnet-2b4t", "--layers", str(o.layers), "--context", str(CONTEXT), "-o", image,
                    "--quiet"], check=True)
    try:
        compare(o, LlamaCpp(libraries).open(model, CONTEXT, exact=False), image, streamed)
    finally:
        if not o.keep:
            model.unlink()
            image.unlink()
    return 0


def compare(o: argparse.Namespace, session: Session, image: Path, streamed: int) -> None:
    print(f"BitNet 2B-4T's shape, {o.layers} layers, head of llama.cpp {o.head}; matrices and head: {streamed / 1e6:.0f} MB a token in "
          "llama.cpp")
    for threads in o.threads:
        rounds = []
        for number in range(o.rounds + 1):  # the first one brings the files into memory
            golden = measure_golden(o.tern, image, threads, o.seconds)
            llama = measure_llama(session, threads, golden["first_position"], golden["window"], golden["tokens"])
            if number == 0:
                continue
            rate = [r["tokens"] / r["seconds"] for r in (golden, llama)]
            cpu_rate = [r["tokens"] / r["cpu_seconds"] for r in (golden, llama)]
            rounds.append((rate[0], rate[1], rate[0] / rate[1], cpu_rate[0] / cpu_rate[1],
                           golden["bytes_per_second"] / 1e9, rate[1] * streamed / 1e9))
            print(f"  {threads} threads, positions {golden['first_position']} to {golden['first_position'] + golden['tokens']}: golden "
                  f"{rate[0]:.1f} tokens/s, llama.cpp {rate[1]:.1f}, ratio {rounds[-1][2]:.2f}, by CPU time {rounds[-1][3]:.2f}",
                  flush=True)
        middle = [statistics.median(column) for column in zip(*rounds)]
        print(f"{threads} thread{'s' if threads > 1 else ''}, medians of {o.rounds}: golden {middle[0]:.1f} tokens/s ({middle[4]:.1f} GB/s), "
              f"llama.cpp {middle[1]:.1f} tokens/s ({middle[5]:.1f} GB/s), ratio {middle[2]:.2f}, by CPU time {middle[3]:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
