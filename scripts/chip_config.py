#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the value of the RTL parameter `Cfg` for tools that set parameters from their command line.

    chip_config.py CONFIG [FIELD=VALUE...]     CONFIG as in model/spec/tern.yaml, with other values of some fields

The value is a Verilog constant, for `verilator -GCfg=...` and for yosys' `-chparam Cfg ...`. Names and places of
the fields are read from the package that the RTL is compiled with.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_package(text: str) -> tuple[dict[str, int], dict[str, list[int]]]:
    """The widths of the fields of chip_config_t, the highest first, and the values of each configuration."""
    struct = re.search(r"typedef struct packed \{([^}]*)\} chip_config_t;", text)
    if not struct:
        sys.exit("chip_config: the package has no chip_config_t")
    fields = {name: int(high or 0) + 1
              for high, name in re.findall(r"^ *logic +(?:\[(\d+):0\])? *(\w+);", struct[1], re.MULTILINE)}
    configs = {name.lower(): [int(value) for value in re.findall(r"\d+'[bd](\d+)", values)]
               for name, values in re.findall(r"localparam chip_config_t Config(\w+) = \{([^}]*)\};", text)}
    return fields, configs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=pathlib.Path, default=ROOT / "rtl/pkg/tern_pkg.sv",
                        help="what the RTL is compiled with (default: rtl/pkg/tern_pkg.sv)")
    parser.add_argument("config", help="a named configuration")
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="another value for a field of it")
    args = parser.parse_args()
    widths, configs = read_package(args.package.read_text())
    if args.config not in configs:
        sys.exit(f"chip_config: there is no configuration {args.config}: {', '.join(configs)}")
    values = dict(zip(widths, configs[args.config], strict=True))
    for pair in args.fields:
        name, _, value = pair.partition("=")
        if name not in values:
            sys.exit(f"chip_config: {pair}: a chip has {', '.join(values)}")
        if not value.isdecimal() or int(value) >= 1 << widths[name]:
            sys.exit(f"chip_config: {pair}: not a number of {widths[name]} bits")
        values[name] = int(value)
    packed = 0
    for name, width in widths.items():
        packed = packed << width | values[name]
    print(f"{sum(widths.values())}'h{packed:x}")


if __name__ == "__main__":
    main()
