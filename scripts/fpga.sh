#!/usr/bin/env bash
# From RTL to FPGAs with open tools (docs/fpga.md).
#   fpga.sh ice40                     stream controller and array alone in an iCE40 HX8K: fits, and meets its clock
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-}
shift || true
case $target in
  ice40) exec scripts/fpga/ice40.sh ;;
  *) sed -n '/^#   fpga.sh/s/^# *//p' "$0" >&2; exit 2 ;;
esac
