#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Merges the parts of a library, such as the five of ASAP7, into one liberty file.

    for f in asap7/*.7z; do 7z x "$f"; done
    merge_liberty.py -o asap7.lib asap7sc7p5t_*.lib

The header is that of the first part, with the table templates that only others have, and the cells
are those of all. A cell that two parts define is an error."""

import argparse
import sys
from pathlib import Path

from errors import EnergyError
from files import write_atomically
from liberty import groups

TEMPLATES = ("lu_table_template", "power_lut_template")


def merge(parts: list[str]) -> str:
    seen: set[tuple[str, str]] = set()
    pieces, cells = [], []
    for number, text in enumerate(parts):
        found = list(groups(text, "cell"))
        if not found:
            raise EnergyError(f"merge: part {number + 1} has no cells")
        header = text[: found[0][0]]
        templates = [(kind, *group) for kind in TEMPLATES for group in groups(header, kind)]
        if number == 0:
            pieces.append(header)
        for kind, start, end, name, _ in templates:
            if number > 0 and (kind, name) not in seen:
                pieces.append(header[start:end] + "\n")
            seen.add((kind, name))
        for start, end, name, _ in found:
            if ("cell", name) in seen:
                raise EnergyError(f"merge: cell {name} is in two parts")
            seen.add(("cell", name))
            cells.append(text[start:end] + "\n")
    return "".join(pieces + cells) + "}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", type=Path, help="liberty files of one library")
    parser.add_argument("-o", "--output", type=Path, required=True, help="liberty file to write")
    args = parser.parse_args()
    try:
        write_atomically(args.output, merge([part.read_text() for part in sorted(args.parts)]))
    except (EnergyError, OSError) as error:
        print(f"merge_liberty: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
