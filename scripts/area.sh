#!/usr/bin/env bash
# Area of the matrix engine's parts on a standard-cell library, flat and without wires, with and
# without group scales and signs; and what eight trees in place of five would take, derived from it.
#   area.sh LIBERTY [COLUMNS]        default: 16 columns of bytes, one activation column
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: area.sh LIBERTY [COLUMNS]" >&2; exit 2; }
[ -r "$1" ] || { echo "area.sh: cannot read the library $1" >&2; exit 1; }
columns=${2:-16}
case $columns in 8 | 16 | 32 | 64) ;; *) echo "area.sh: COLUMNS is 8, 16, 32 or 64" >&2; exit 2 ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
liberty=$work/cells.lib
case $1 in *.gz) gunzip -c "$1" >"$liberty" ;; *) cp "$1" "$liberty" ;; esac
levels=0
while [ $((1 << levels)) -lt "$columns" ]; do levels=$((levels + 1)); done

# area NAME TOP [PARAMETER=VALUE...]: sets NAME to square micrometres and prints them.
area() {
  local name=$1 top=$2 parameters="" value
  shift 2
  for parameter in "$@"; do parameters+=" -chparam ${parameter%=*} ${parameter#*=}"; done
  {
    for file in pkg/tern_pkg core/engine_pkg core/t5_decode core/adder_tree core/ternary_array_tree \
      core/sign_gearbox core/scale_buffer core/scale_multiply core/digit_weight \
      core/accumulator_bank; do
      echo "read_verilog -sv -DSYNTHESIS $rtl/$file.sv"
    done
    echo "hierarchy -check -top $top$parameters"
    echo "proc -norom; flatten; opt; memory; opt -full; techmap; opt"
    echo "dfflibmap -liberty $liberty; abc -liberty $liberty; opt_clean -purge"
    echo "tee -q -o $work/stat.txt stat -liberty $liberty"
  } >"$work/$name.ys"
  yosys -q -s "$work/$name.ys" >"$work/log.txt" 2>&1 || { tail -n 5 "$work/log.txt" >&2; exit 1; }
  value=$(awk '/Chip area/ { print int($NF + 0.5) }' "$work/stat.txt")
  printf '%-16s %10d um2\n' "$name" "$value"
  printf -v "$name" '%d' "$value"
}

echo "area: C = $columns, M = 1, $(basename "$1")"
area decoder t5_decode
area array ternary_array_tree Columns="$columns" ActColumns=1 SignWeights=0
area array_signs ternary_array_tree Columns="$columns" ActColumns=1 SignWeights=1
area gearbox sign_gearbox Columns="$columns"
area weights digit_weight SumBits=$((levels + 9))
area multipliers scale_multiply AddendBits=$((levels + 15))
area buffer scale_buffer Columns="$columns" AccDepth=52 InFlight=$((levels + 5))
area bank accumulator_bank Depth=52
plain=$((array + weights + 5 * bank))
signs=$((array_signs - array + gearbox))
scales=$((multipliers + buffer))
# Three more trees with their lanes, sums and banks; the decoders stay.
trees=$(((array - columns * decoder + weights + 5 * bank) * 3 / 5))
percent() { awk -v part="$1" -v all="$plain" 'BEGIN { printf "%.1f %%", 100 * part / all }'; }
printf '\n%-44s %10d um2\n' "array, digit weights and accumulators" "$plain"
printf '%-44s %10d um2  %s\n' "  SignWeights adds" "$signs" "$(percent "$signs")"
printf '%-44s %10d um2  %s\n' "  GroupScales adds" "$scales" "$(percent "$scales")"
printf '%-44s %10d um2  %s\n' "  eight trees would add (derived)" "$trees" "$(percent "$trees")"
