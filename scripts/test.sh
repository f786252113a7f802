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
# run_tests PRESET FOLDER [CTEST OPTIONS...]: shows what failed, else the summary.
run_tests() {
  local preset=$1 log=$2/tests.log
  shift 2
  if ! ctest --preset "$preset" -j "$(nproc)" "$@" >"$log" 2>&1; then
    grep -vE '^ *Start |Passed ' "$log" | tail -n 200 >&2
    echo "test: failed; whole log in $log" >&2
    exit 1
  fi
  sed -n '/tests passed/,$p' "$log"
}

step "Generated files are up to date"
scripts/specgen.sh --check
step "RTL is clean under lint and synthesises"
scripts/lint.sh
for design in nano sdram arbiter link; do scripts/synth.sh "$design"; done
step "Stream cells are proved"
scripts/formal.sh
step "Parsers and models under AddressSanitizer and UndefinedBehaviorSanitizer"
scripts/build.sh sanitize
run_tests sanitize build-sanitize --label-exclude slow
step "All tests"
scripts/build.sh release
run_tests release build "${exclude[@]}"
step "The demo"
scripts/demo.sh | tail -n 4
echo "test: PASS ($((SECONDS - start)) s)"
