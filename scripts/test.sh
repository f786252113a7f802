#!/usr/bin/env bash
# Installs what is needed, builds, and runs every check but the slow ones. "scripts/test.sh --slow" runs the slow ones too.
set -euo pipefail
cd "$(dirname "$0")/.."
exclude=(--label-exclude slow)
if [ "${1:-}" = "--slow" ]; then
  exclude=()
elif [ $# -gt 0 ]; then
  echo "usage: scripts/test.sh [--slow]" >&2
  exit 2
fi
start=$SECONDS
scripts/setup.sh
step() { echo "== $1 ($((SECONDS - start)) s)"; }

step "Generated files are up to date"
scripts/specgen.sh --check
step "RTL is clean under lint and synthesises"
scripts/lint.sh
scripts/synth.sh
step "Parsers and models under AddressSanitizer and UndefinedBehaviorSanitizer"
scripts/build.sh sanitize
ctest --preset sanitize --label-exclude slow -j "$(nproc)" --quiet --output-log build-sanitize/tests.log || {
  tail -n 60 build-sanitize/tests.log >&2
  exit 1
}
tail -n 8 build-sanitize/tests.log | grep 'tests passed'
step "All tests"
scripts/build.sh release
ctest --preset release "${exclude[@]}" -j "$(nproc)" --progress
echo "test: PASS ($((SECONDS - start)) s)"
