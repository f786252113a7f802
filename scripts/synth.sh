#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Synthesises the chip, the controller or vector unit of nano alone, or a block of the FPGA boards, with yosys to generic cells: reads it as a synthesis
# tool does (body "tree"), checks that nothing is undriven, driven twice or looped, and counts cells
# (memories stay memories); the report by module goes to build/.
#   synth.sh [nano|edge|controller|vector|sdram|arbiter|link]     default: nano
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}
config=${1:-nano}
set=chip
case $config in
  nano | edge) top=tern_$config ;;
  controller) top=controller ;;
  vector) top=vector_unit ;;
  sdram) top=sdram_controller set=board ;;
  arbiter) top=axi_arbiter set=board ;;
  link) top=serial_host_link set=board ;;
  *) echo "usage: synth.sh [nano|edge|controller|vector|sdram|arbiter|link]" >&2; exit 2 ;;
esac

source "$root/scripts/rtl_sources.sh"
script=$(mktemp)
trap 'rm -f "$script"' EXIT
{
  while IFS= read -r file; do
    echo "read_verilog -sv -DSYNTHESIS $file"
  done < <(rtl_sources "$rtl" "$set")
  cat <<YOSYS
hierarchy -check -top $top
proc
check -assert
opt
memory -nomap
opt -full
techmap
opt
check -assert
stat
YOSYS
} > "$script"
report=$root/build/synth_$config.txt
mkdir -p "$root/build"
if ! yosys -q -l "$report" -s "$script" > /dev/null; then
  tail -n 20 "$report" >&2
  echo "synth: $top failed; log in $report" >&2
  exit 1
fi
awk -v name="$top" -v report="build/synth_$config.txt" '
  /=== design hierarchy ===/ { total = 1 }
  total && /Number of cells:/ { cells = $NF }
  total && /\$_S?DFF[A-Z]*_/ { flops += $NF }
  total && /\$mem_v2/ { memories = $NF }
  END {
    printf "synth: %s clean: %d generic cells, %d of them flip-flops, %d memories (by module: %s)\n",
           name, cells, flops, memories, report
  }' "$report"
