#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings llama.cpp's shared libraries, an oracle of the tests, from the npm package @node-llama-cpp/linux-x64:
# scripts/fetch_llama_cpp.sh FOLDER. Exit status 77 where npm, its registry or an x86-64 Linux is missing.
set -euo pipefail
[ $# = 1 ] || { echo "usage: scripts/fetch_llama_cpp.sh FOLDER" >&2; exit 2; }
missing() { echo "fetch_llama_cpp: $1"; exit 77; }
[ ! -e "$1/libllama.v0.5.0.so" ] || exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || missing "the package is for x86-64 Linux"
command -v npm > /dev/null || missing "npm is not installed: scripts/setup.sh"
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d -p "$folder")
trap 'rm -rf "$work"' EXIT
package=@node-llama-cpp/linux-x64@3.22.1
(cd "$work" && npm pack --silent "$package" > log 2>&1) || missing "npm cannot bring $package: $(tail -n 1 "$work/log")"
tar xzf "$work"/*.tgz -C "$work" --strip-components=3 package/bins/linux-x64
mv "$work"/libggml* "$work"/libllama-common.so "$folder/"
mv "$work/libllama.v0.5.0.so" "$folder/"  # last: it says that the rest is there
