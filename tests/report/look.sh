#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a report and a sweep with the program TERN, the latter of a model file whose name is HTML, looks at both pages in a headless browser, and shows that the look
# would notice a page without plots, and one whose tooltips take names as HTML.
set -euo pipefail
tern=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
export NODE_PATH="$root/build/node_modules"
browser=$(command -v chromium || command -v chromium-browser) || { echo "look: there is no chromium: run scripts/setup.sh" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
look() { timeout 120 node "$root/tests/report/look.js" "$browser" "$@"; }

"$tern" report --preset demo -o "$folder/report.html" --quiet
hostile='<img src=x onerror=alert(1)>.gguf'
cp "$root/model/demo/tern-demo.gguf" "$folder/$hostile"
printf 'models: [demo, "%s"]\nparameters: {lanes: [16, 32]}\ncontexts: [10, 100, 300]\n' "$folder/$hostile" >"$folder/plan.yaml"
"$tern" sweep "$folder/plan.yaml" -o "$folder" --quiet
look "$folder/report.html"
look "$folder/sweep.html"

sed 's/^  paint();$//' "$folder/report.html" >"$folder/empty.html"
if look "$folder/empty.html" >/dev/null 2>&1; then
  echo "look: a page without plots was not noticed" >&2
  exit 1
fi
sed 's/echarts\.format\.encodeHTML/String/' "$folder/sweep.html" >"$folder/raw.html"
if look "$folder/raw.html" >/dev/null 2>&1; then
  echo "look: a tooltip that takes a name as HTML was not noticed" >&2
  exit 1
fi
