#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds with a preset: scripts/build.sh [PRESET [TARGET...]]. Prints only what went wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true
dir=build
[ "$preset" = release ] || dir=build-$preset
mkdir -p "$dir"
export CCACHE_SLOPPINESS=pch_defines,time_macros
targets=()
for target in "$@"; do targets+=(--target "$target"); done
echo "build: preset $preset into $dir (a first build takes some minutes; log in $dir/build.log)"
start=$SECONDS
if ! { cmake --preset "$preset" && cmake --build "$dir" -j "$(nproc)" "${targets[@]}"; } >"$dir/build.log" 2>&1; then
  grep -E -A 12 'error|Error|FAILED' "$dir/build.log" | head -n 60 >&2 || true
  echo "build: failed; whole log in $dir/build.log" >&2
  exit 1
fi
echo "build: done in $((SECONDS - start)) s"
