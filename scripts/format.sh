#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats all C++ (.clang-format) and all pages (.mdformat.toml) that are not generated; with --check it changes nothing, and
# names the files that it would change.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  "") mode=(-i) ;;
  --check) mode=(--dry-run -Werror --ferror-limit=1) ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
command -v clang-format-14 >/dev/null || { echo "format: clang-format-14 is missing: run scripts/setup.sh" >&2; exit 1; }
log=$(mktemp)
mapfile -t files < <(git ls-files '*.cpp' '*.hpp' | grep -v /generated/)
if ! printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format-14 "${mode[@]}" 2>"$log"; then
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: code should be.*/\1/p' "$log" | sort -u >&2
  echo "format: the files above are not formatted; run scripts/format.sh" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
mapfile -t pages < <(git ls-files '*.md' | grep -vE '^(docs/registers|fpga/ulx3s/report)\.md$')
build/venv/bin/mdformat ${1:+--check} "${pages[@]}" || { echo "format: the pages above are not formatted; run scripts/format.sh" >&2; exit 1; }
echo "format: ${#files[@]} C++ files, ${#pages[@]} pages"
