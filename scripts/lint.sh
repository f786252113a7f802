#!/usr/bin/env bash
# Lints the chip with Verilator: every configuration, both bodies of the array, all warnings.
# Waivers are in rtl/lint.vlt.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}

source "$root/scripts/rtl_sources.sh"
sources=("$rtl/lint.vlt")
while IFS= read -r file; do sources+=("$file"); done < <(rtl_sources "$rtl")

for config in nano edge; do
  for fast in 0 1; do
    echo "lint: tern_$config, FastBody=$fast"
    verilator --lint-only -Wall --top "tern_$config" "-GFastBody=1'b$fast" "${sources[@]}"
  done
done
echo "lint: clean"
