#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job: the demo model tells a story on the golden model, the simulated chip tells the same story, and both are compared.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
scripts/setup.sh
scripts/build.sh release tern tern_energy

story=(--prompt "Once upon a time" --tokens 160 --temperature 0.7 --seed 7)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The text streams as it is generated; the summary on stderr follows it.
tell() {
  echo
  echo "== $1"
  build/tern run --backend "$2" "${story[@]}" 2>"$out/summary" | tee "$out/$3" || { cat "$out/summary" >&2; exit 1; }
  cat "$out/summary"
}
tell "The golden model (integers, bit-accurate, untimed)" golden: golden.txt
tell "The chip in RTL (Verilator, cycle by cycle)" rtl:edge rtl.txt
echo
if ! cmp -s "$out/golden.txt" "$out/rtl.txt"; then
  echo "demo: FAIL: the two stories differ" >&2
  diff "$out/golden.txt" "$out/rtl.txt" >&2 || true
  exit 1
fi
echo "== Every matrix product and every layer boundary of 16 more tokens, golden model against RTL"
build/tern verify --backend rtl:edge --tokens 16
echo
echo "demo: PASS: golden model and RTL told the same story, bit by bit ($((SECONDS - start)) s)"
