#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Area of the matrix engine's parts on a standard-cell library, flat and without wires, with and
# without group scales and signs, on five trees and on eight; with eight activation columns derived from it.
#   area.sh LIBERTY [COLUMNS]        default: 16 columns of bytes, one activation column
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}
source "$root/scripts/rtl_sources.sh"
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
    for file in $(rtl_sources "$rtl" engine); do echo "read_verilog -sv -DSYNTHESIS $file"; done
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
bits="SumBits=$((levels + 9))"
scale_bits="AddendBits=$((levels + 15))"
buffer_sizes="Columns=$columns AccDepth=52 InFlight=$((levels + 5))"
area decoder t5_decode
area array ternary_array_tree Columns="$columns" ActColumns=1 SignWeights=0
area array_signs ternary_array_tree Columns="$columns" ActColumns=1 SignWeights=1
area array_eights ternary_array_tree Columns="$columns" ActColumns=1 SignWeights=1 Trees=8
area gearbox sign_gearbox Columns="$columns"
area weights digit_weight "$bits"
area weights_eights digit_weight "$bits" Trees=8
area multipliers scale_multiply "$scale_bits"
area multipliers_eights scale_multiply "$scale_bits" Trees=8
# shellcheck disable=SC2086  # a list
area buffer scale_buffer $buffer_sizes
# shellcheck disable=SC2086
area buffer_eights scale_buffer $buffer_sizes Trees=8
area bank accumulator_bank Depth=52

# sum M: what a part takes with M activation columns: decoders, gearbox and scale buffer are shared.
decoders=$((columns * decoder))
sum() {
  local m=$1
  plain=$((decoders + m * (array - decoders + weights + 5 * bank)))
  signs=$((array_signs - array + gearbox))
  scales=$((m * multipliers + buffer))
  eights=$((m * (array_eights - array_signs + weights_eights - weights + 3 * bank) - gearbox))
  scales_eights=$((m * (multipliers_eights - multipliers) + buffer_eights - buffer))
}
row() { printf '%-52s %10d um2  %s\n' "$1" "$2" "$(awk -v part="$2" -v all="$plain" 'BEGIN { printf "%.1f %%", 100 * part / all }')"; }
for m in 1 8; do
  sum $m
  printf '\n'
  row "M = $m$([ $m = 1 ] || echo ' (derived)'): array, digit weights and accumulators" $plain
  row "  SignWeights adds" $signs
  row "  GroupScales adds" $scales
  row "  Trees = 8 adds to SignWeights" $eights
  row "  Trees = 8 adds to GroupScales" $scales_eights
done
