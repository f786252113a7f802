# SPDX-License-Identifier: Apache-2.0
# Sourced by the RTL scripts.

# rtl_sources DIR: prints the SystemVerilog files of the chip in the order in which tools need them,
# packages first.
rtl_sources() {
  echo "$1/pkg/tern_pkg.sv"
  find "$1" -name '*_pkg.sv' ! -path "$1/pkg/tern_pkg.sv" | sort
  find "$1/lib" "$1/cpu" "$1/vector" "$1/cluster" "$1/chip" -name '*.sv' ! -name '*_pkg.sv' | sort
}

# rtl_board_sources DIR: the same for what an FPGA board adds around the chip.
rtl_board_sources() {
  echo "$1/pkg/tern_pkg.sv"
  find "$1/lib" "$1/board" -name '*.sv' | sort
}

# rtl_core_sources DIR: all of a board's FPGA, what the vendor has no part in: chip and board.
rtl_core_sources() {
  rtl_sources "$1"
  find "$1/board" -name '*.sv' | sort
}
