#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The part of scripts/fpga.sh for a KV260: cells of the logic beside the processor as yosys maps it, against what the K26
# module has. The bitstream takes Vivado and fpga/kv260/build.tcl. kv260.sh [REPORT]: where the report goes, without its ending.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/rtl_sources.sh
source scripts/fpga/common.sh
out=build/fpga/kv260
report=${1:-fpga/kv260/report}
mkdir -p "$out"
yosys=$(tool yosys)
start=$SECONDS
{
  for file in $(rtl_sources rtl fpga) fpga/kv260/kv260_top.sv; do echo "read_verilog -sv -DSYNTHESIS $file"; done
  # Small ROMs become logic before memories are mapped: yosys knows no cells for them ("invalid OPTION_ABITS/WIDTH").
  echo "synth_xilinx -family xcup -uram -top kv260_top -noiopad -noclkbuf -run begin:map_memory"
  echo "memory_map -rom-only r:SIZE<65"
  echo "synth_xilinx -family xcup -uram -top kv260_top -noiopad -noclkbuf -run map_memory:"
  echo "tee -q -o $out/cells.json.part stat -json"
} >"$out/synth.ys"
echo "fpga: synthesis with $(version "$yosys") (minutes; log in $out/synth.log)" >&2
logged "$out/synth.log" "$yosys" -s "$out/synth.ys"
mv "$out/cells.json.part" "$out/cells.json"
python3 scripts/fpga/kv260_report.py --cells "$out/cells.json" --yosys "$(version "$yosys")" --output "$report"
echo "fpga: report in $report.md; synthesis took $((SECONDS - start)) s"
