#!/usr/bin/env bash
# The main job: the demo model tells a story on the golden model, the simulated chip tells the same story, and both are compared.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
scripts/setup.sh
scripts/build.sh release tern

story=(--prompt "Once upon a time" --tokens 160 --temperature 0.7 --seed 7)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

echo
echo "== The golden model (integers, bit-accurate, untimed)"
build/tern run --backend golden: "${story[@]}" | tee "$out/golden.txt"
echo
echo "== The chip in RTL (rtl:edge, Verilator, cycle by cycle)"
build/tern run --backend rtl:edge "${story[@]}" | tee "$out/rtl.txt"
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
