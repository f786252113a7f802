#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that the checks can fail: one deliberate fault in RTL or firmware after the other, each of which tern verify must catch.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/venv/bin/python ] || scripts/setup.sh
export CCACHE_SLOPPINESS=pch_defines,time_macros
exec build/venv/bin/python scripts/mutate.py "$@"
