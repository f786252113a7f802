#!/usr/bin/env bash
# Synthesises the chip with yosys to generic cells: reads it as a synthesis tool does (body "tree"),
# checks that nothing is undriven, driven twice or looped, and prints the cells of each module.
# Memories stay memories.
#   synth.sh [nano|edge]     default: nano
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}
config=${1:-nano}
case $config in
  nano | edge) ;;
  *) echo "usage: synth.sh [nano|edge]" >&2; exit 2 ;;
esac

source "$root/scripts/rtl_sources.sh"
script=$(mktemp)
trap 'rm -f "$script"' EXIT
{
  while IFS= read -r file; do
    echo "read_verilog -sv -DSYNTHESIS $file"
  done < <(rtl_sources "$rtl")
  cat <<YOSYS
hierarchy -check -top tern_$config
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
yosys -q -l /dev/stdout -s "$script" | sed -n '/Printing statistics/,$p'
echo "synth: tern_$config clean"
