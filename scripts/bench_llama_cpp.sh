#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the golden model beside llama.cpp on random weights of the shape of BitNet b1.58 2B-4T:
# scripts/bench_llama_cpp.sh [--threads 1 2] [--rounds 5] [--head q8_0|q6_k|f16]; --help names the rest. Takes 2.3 GB in build/bench meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/tern ] || scripts/build.sh release tern
exec build/venv/bin/python tests/model/llama_cpp_speed.py build/tern build/bench build/llama_cpp "$@"
