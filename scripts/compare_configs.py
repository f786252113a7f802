#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the performance model against the RTL in random configurations.

Draws chips that have no name, verilates them into build-variants/ and runs tests/tlm/variants_test on
them. The same seed draws the same chips. Prints the table of that test; exit status 1 when a bar is missed.
"""
import argparse
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def draw(rng: random.Random, name: str) -> str:
    """A configuration that the RTL takes, as TERN_VARIANTS of sim/CMakeLists.txt wants it."""
    # The order of the draws decides which chips a seed draws.
    columns = rng.choice([8, 16, 32, 64])
    act_columns = rng.randint(1, 8)
    lanes = rng.choice([lanes for lanes in (8, 16, 32, 64) if lanes <= columns])
    acc_depth = rng.randint(26, 64)  # two halves of 13 hold a head of 64
    burst_beats = rng.choice([b for b in (4, 8, 16, 32) if b * columns <= 2048])
    fifo_beats = burst_beats * rng.randint(2, 16)
    cmd_depth = rng.randint(2, 12)
    row_block = rng.randint(2, acc_depth)
    key_block = 5 * rng.randint(1, acc_depth // 2)
    act_depth = 32768 // columns
    scratch_words = 65536
    group_scales, sign_weights = rng.randint(0, 1), rng.randint(0, 1)
    trees = rng.choice([5, 8]) if sign_weights else 5
    fields = dict(columns=columns, act_columns=act_columns, trees=trees, lanes=lanes, fifo_beats=fifo_beats,
                  burst_beats=burst_beats, cmd_depth=cmd_depth, acc_depth=acc_depth, act_depth=act_depth,
                  row_block=row_block, key_block=key_block, scratch_words=scratch_words,
                  group_scales=group_scales, sign_weights=sign_weights)
    return ",".join([name, *(f"{field}={value}" for field, value in fields.items())])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=3, help="chips to draw (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="compilers at a time (default: 1)")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    variants = [draw(rng, f"v{args.seed}_{i}") for i in range(args.count)]
    for variant in variants:
        print(f"compare_configs: {variant}", flush=True)
    build = ROOT / "build-variants"
    steps = (
        ["cmake", "-S", str(ROOT), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DTERN_MODELS=nano_fast", "-DTERN_VARIANTS=" + ";".join(variants)],
        ["cmake", "--build", str(build), "-j", str(args.jobs), "--target", "tlm_variants_test"],
    )
    print("compare_configs: building, a minute or more a chip", flush=True)
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.stderr.write(done.stdout[-4000:])
            return 1
    return subprocess.run([str(build / "tests" / "tlm_variants_test")]).returncode


if __name__ == "__main__":
    sys.exit(main())
