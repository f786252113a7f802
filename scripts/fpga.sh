#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From RTL to FPGAs with open tools (docs/fpga.md).
#   fpga.sh ulx3s [build] [SEED...]   bitstream and report of a ULX3S with an LFE5U-85F; the best of the seeds is kept
#   fpga.sh ulx3s synth               synthesis alone, with the cells of each module
#   fpga.sh ulx3s program [FILE]      loads the bitstream into the board's FPGA
#   fpga.sh ice40                     stream controller and array alone in an iCE40 HX8K: fits, and meets its clock
#   fpga.sh kv260                     resources of the chip "k26" against those of a K26 module
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-}
shift || true
case $target in
  ulx3s) exec scripts/fpga/ulx3s.sh "$@" ;;
  ice40) exec scripts/fpga/ice40.sh ;;
  kv260) exec scripts/fpga/kv260.sh "$@" ;;
  *) sed -n '/^#   fpga.sh/s/^# *//p' "$0" >&2; exit 2 ;;
esac
