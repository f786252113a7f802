#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes text sampled from the float32 reference: scripts/sample_text.sh [DOCUMENTS] > FILE. Document i has seed i.
set -euo pipefail
cd "$(dirname "$0")/.."
for seed in $(seq 1 "${1:-130}"); do
  build/tern run --backend reference: --prompt "" --tokens 400 --temperature 1 --top-p 1 --seed "$seed" --quiet
  echo "<|endoftext|>"
done
