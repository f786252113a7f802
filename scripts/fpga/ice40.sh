#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The part of scripts/fpga.sh for an iCE40 HX8K: stream controller and array with Debian's own tools. Fails when they do not
# fit or do not reach the clock.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/rtl_sources.sh
source scripts/fpga/common.sh
mhz=36
out=build/fpga/ice40
mkdir -p "$out"
for name in yosys nextpnr-ice40 icepack; do
  command -v "$name" >/dev/null || { echo "fpga: $name is missing: run scripts/setup.sh" >&2; exit 1; }
done
{
  for file in $(rtl_sources rtl chip) fpga/ice40/ice40_top.sv; do echo "read_verilog -sv -DSYNTHESIS $file"; done
  echo "synth_ice40 -top ice40_top -abc2 -json $out/netlist.json"
} >"$out/synth.ys"
logged "$out/synth.log" yosys -s "$out/synth.ys"
# Without --timing-allow-fail a clock that is missed is an error.
logged "$out/route.log" nextpnr-ice40 --hx8k --package ct256 --freq "$mhz" --seed 1 --json "$out/netlist.json" \
  --asc "$out/tern.asc" --report "$out/report.json"
logged "$out/pack.log" icepack "$out/tern.asc" "$out/tern.bin"
python3 - "$out/report.json" "$mhz" <<'PYTHON'
import json
import sys
report = json.load(open(sys.argv[1]))
use = report["utilization"]
cells = ", ".join(f"{use[cell]['used']} of {use[cell]['available']} {name}"
                  for cell, name in (("ICESTORM_LC", "logic cells"), ("ICESTORM_RAM", "block RAMs")))
(clock,) = report["fmax"].values()
print(f"fpga: ice40: {cells}, {clock['achieved']:.1f} MHz (at least {sys.argv[2]})")
PYTHON
