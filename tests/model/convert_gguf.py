# SPDX-License-Identifier: Apache-2.0
"""Converts a GGUF file of the shape of BitNet b1.58 2B-4T and measures memory: python convert_gguf.py TERN WORK VOCABULARIES.

The file has random weights in TQ2_0 and an embedding in F16, 1.2 GB; the tokenizer is Llama 3's, from
scripts/fetch_vocabularies.sh (exit status 77, skipped, without it). Fails when `tern convert` takes more memory than LIMIT, shows no
progress, or its image cannot be run. Seconds are printed.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf

from random_gguf import write_2b4t

LIMIT = 1.5e9  # bytes


def main() -> int:
    tern, work, vocabularies = map(Path, sys.argv[1:])
    fetch = Path(__file__).resolve().parents[2] / "scripts" / "fetch_vocabularies.sh"
    done = subprocess.run([fetch, vocabularies], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(f"skipped: {done.stdout.strip()}" if done.returncode == 77 else done.stdout)
        return done.returncode
    with tempfile.TemporaryDirectory(dir=work) as directory:
        model, image = Path(directory) / "model.gguf", Path(directory) / "model.tern"
        write_2b4t(model, gguf.GGMLQuantizationType.F16, vocabulary=vocabularies / "llama3")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run([tern, "convert", "--model", model, "--config", "edge", "-o", image, "--json"],
                             check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_maxrss * 1024
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        seconds = json.loads(run.stdout)["seconds"]
        print(f"{model.stat().st_size} bytes of GGUF into {image.stat().st_size} bytes of image: {used / 1e6:.0f} MB of memory at most, "
              f"{seconds:.0f} s, {cpu:.0f} s of CPU time")
        told = subprocess.run([tern, "info", "--model", image, "--json"], check=True, stdout=subprocess.PIPE, text=True)
        shape = json.loads(told.stdout)
        if seconds > 12 and "convert [" not in run.stderr:  # without a terminal it begins after ten
            print(f"no progress was shown: {run.stderr!r}")
            return 1
        print({key: shape[key] for key in ("layers", "hidden", "vocab") if key in shape})
    return 0 if used < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
