#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Regenerates what RTL, C++ and docs share. With --check, fails if a committed file is stale.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python="$root/build/venv/bin/python"
[ -x "$python" ] || { echo "specgen: $python is missing: run scripts/setup.sh" >&2; exit 1; }
exec "$python" "$root/scripts/specgen/specgen.py" "$@"
