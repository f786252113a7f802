# SPDX-License-Identifier: Apache-2.0
"""Files that are complete or absent, and tools that are run with a time limit."""

import os
import subprocess
import tempfile
from pathlib import Path

from errors import EnergyError


def write_atomically(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def run(command: list, folder: Path, timeout: int = 1800) -> str:
    """Runs a tool in `folder` and gives what it printed. Raises EnergyError when it fails."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(
            command, cwd=folder, text=True, timeout=timeout, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise EnergyError(f"{command[0]} is missing: run scripts/setup.sh") from None
    except subprocess.TimeoutExpired:
        raise EnergyError(f"{' '.join(command)}: no end after {timeout} s (in {folder})") from None
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise EnergyError(f"{' '.join(command)} failed in {folder}:\n{tail}")
    return done.stdout
