#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints the chip with Verilator: every configuration, both bodies of the array, the controller, the
# vector unit and the blocks of the FPGA boards by themselves; all warnings.
# Waivers are in rtl/lint.vlt. scripts/lint.sh CONFIG: that chip alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}

source "$root/scripts/rtl_sources.sh"
mapfile -t sources < <(rtl_sources "$rtl" chip)
sources=("$rtl/lint.vlt" "${sources[@]}")

# The default of Cfg stands for nothing: every instance of a module that takes one is given its own.
for module in $(grep -l "chip_config_t Cfg" "${sources[@]}" | xargs -n 1 basename -s .sv); do
  if grep -PHzo "\n *$module +(?!#\(\s*\.Cfg\()[#a-z][^\n]*" "${sources[@]}" | tr '\0' '\n' | grep .; then
    echo "lint: an instance of $module has no .Cfg(...) in front" >&2
    exit 1
  fi
done

for config in ${1:-nano edge ulx3s k26}; do
  for fast in 0 1; do
    echo "lint: tern_$config, FastBody=$fast"
    verilator --lint-only -Wall --top "tern_$config" "-GFastBody=1'b$fast" "${sources[@]}"
  done
done

[ $# -eq 0 ] || exit 0

# chip CONFIG [FIELD=VALUE...]: the parameters of a chip for Verilator.
chip() { echo "-GCfg=$("$root/scripts/chip_config.py" --package "$rtl/pkg/tern_pkg.sv" "$@")"; }

# The controller by itself, without the packages that it does not use.
mapfile -t controller < <(rtl_sources "$rtl" controller)
for small in 0 1; do
  echo "lint: controller, small_fabric=$small"
  verilator --lint-only -Wall --top controller "$(chip nano small_fabric=$small)" "$rtl/lint.vlt" "${controller[@]}"
done

# The vector unit by itself, in the size of each configuration.
mapfile -t vector < <(rtl_sources "$rtl" vector)
for config in nano edge ulx3s k26; do
  echo "lint: vector_unit of $config"
  verilator --lint-only -Wall --top vector_unit "$(chip $config)" "$rtl/lint.vlt" "${vector[@]}"
done

# The blocks of the FPGA boards.
mapfile -t board < <(rtl_sources "$rtl" board)
for top in sdram_controller axi_arbiter serial_host_link memory_region; do
  echo "lint: $top"
  verilator --lint-only -Wall --top "$top" "$rtl/lint.vlt" "${board[@]}"
done
mapfile -t fpga < <(rtl_sources "$rtl" fpga)
for hertz in 50000000 75000000; do
  echo "lint: board_core, $hertz Hz"
  verilator --lint-only -Wall --top board_core "-GClockHz=$hertz" "$rtl/lint.vlt" "${fpga[@]}"
done
echo "lint: tern_kv260"
verilator --lint-only -Wall --top tern_kv260 "$rtl/lint.vlt" "${fpga[@]}" "$root"/fpga/kv260/*.sv "$root/fpga/kv260/tern_kv260.v"
echo "lint: clean"
