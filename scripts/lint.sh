#!/usr/bin/env bash
# Lints the chip with Verilator: every configuration, both bodies of the array, and the controller by
# itself; all warnings.
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

# The controller by itself, without the packages that it does not use.
controller=("$rtl/lint.vlt")
for file in "${sources[@]}"; do
  case $file in
    */cpu/*.sv | */handshake_checker.sv) controller+=("$file") ;;
  esac
done
echo "lint: controller"
verilator --lint-only -Wall --top controller "${controller[@]}"
echo "lint: clean"
