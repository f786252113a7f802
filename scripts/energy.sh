#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Area, timing and energy of the blocks on a standard-cell library (default: OSU018 of Debian):
#   energy.sh [--liberty FILE --name NAME --clock-mhz N] [BLOCK...]     results to sim/energy/results/NAME.json
#   energy.sh --help                                                    the blocks and the other flags
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/venv/bin/python ] || scripts/setup.sh
[ -x build/tern_operands ] && [ -x build/tern_core_ports ] || scripts/build.sh release tern_operands tern_core_ports
exec nice build/venv/bin/python scripts/energy/energy.py "$@"
