#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds, and checks: scripts/test.sh [quick|full|slow].
#   quick  generated files, format, lint of one chip, unit tests, a short lockstep: before and after every edit
#   full   every check but the slow ones (the default); unit tests run under sanitizers, all others as released
#   slow   the slow ones too, and the unit tests as released: all mutants, a thousand injected faults, whole models
set -euo pipefail
cd "$(dirname "$0")/.."
how=${1:-full}
[[ $# -le 1 && $how =~ ^(quick|full|slow)$ ]] || { echo "usage: scripts/test.sh [quick|full|slow]" >&2; exit 2; }
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

# together COMMAND...: all at once, since each has one thread; what each printed comes whole, in their order.
together() {
  local logs i=0 failed=0 jobs=() command
  logs=$(mktemp -d)
  for command in "$@"; do
    # shellcheck disable=SC2086  # the words of a command
    $command >"$logs/${#jobs[@]}" 2>&1 &
    jobs+=($!)
  done
  for command in "$@"; do
    wait "${jobs[i]}" || { failed=1; echo "test: $command failed" >>"$logs/$i"; }
    cat "$logs/$i"
    i=$((i + 1))
  done
  rm -r "$logs"
  return $failed
}

step "Generated files are up to date, code is formatted"
scripts/specgen.sh --check
scripts/format.sh --check
if [ "$how" = quick ]; then
  step "RTL is clean under lint"
  scripts/lint.sh nano
  step "Build"
  scripts/build.sh release unit_tests lockstep_test
  step "Unit tests and a short lockstep"
  run_tests release build --label-regex '^unit$'
  run_tests release build --tests-regex '^Lockstep.NanoAgrees$'
  echo "test: PASS, quick ($((SECONDS - start)) s)"
  exit
fi
step "RTL is clean under lint and synthesises; stream cells are proved"
together "scripts/synth.sh nano" scripts/lint.sh "scripts/synth.sh sdram" "scripts/synth.sh arbiter" "scripts/synth.sh link" scripts/formal.sh
step "Unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
scripts/build.sh sanitize unit_tests
run_tests sanitize build-sanitize --label-regex '^unit$'
if [ "$how" = full ]; then
  step "Tests of RTL and of whole programs"
  scripts/build.sh release system_tests
  # Cases whose programs are not built have no label.
  run_tests release build --label-regex '^(rtl|cosim|system|mutation)$' --label-exclude '^slow$'
else
  step "All tests"
  scripts/build.sh release
  run_tests release build
fi
step "The demo"
scripts/demo.sh | tail -n 4
echo "test: PASS ($((SECONDS - start)) s)"
