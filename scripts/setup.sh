#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs everything that Tern needs on Debian 12, by package name. Safe to run again: what is there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential cmake ninja-build ccache pkg-config git ca-certificates    # build
  gcc-riscv64-unknown-elf                                                    # firmware
  clang-format-14                                                            # scripts/format.sh
  verilator libsystemc-dev yosys zlib1g-dev                                  # RTL simulation, DRAM platform, synthesis, FST traces
  iverilog opensta qflow-tech-osu018                                         # energy: gate-level simulation, power, a cell library
  libicu-dev libprotobuf-dev                                                 # Unicode classes, SentencePiece models
  nextpnr-ice40 fpga-icestorm                                                # FPGA: the smoke test of scripts/fpga.sh
  libboost-dev libboost-iostreams-dev libboost-filesystem-dev libfmt-dev libcli11-dev nlohmann-json3-dev libxxhash-dev libhwy-dev libyaml-cpp-dev
  libgtest-dev libbenchmark-dev libsentencepiece-dev xz-utils                # tests and benchmarks
  python3 python3-venv python3-numpy                                         # generators and scripts
  chromium                                                                   # looks at the reports in a test
)
# The plot library, and vocabularies to compare the tokenizer with; Debian's package would clash with another nodejs.
command -v npm >/dev/null || packages+=(npm)
if [ "${1:-}" = "--training" ]; then
  packages+=(python3-torch libopenblas0-pthread)  # only scripts/train needs them
elif [ $# -gt 0 ]; then
  echo "usage: scripts/setup.sh [--training]" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  log=$(mktemp)
  if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; the last lines are above, the whole log is $log" >&2
    exit 1
  fi
  rm -f "$log"
else
  echo "setup: all ${#packages[@]} Debian packages are there"
fi

# Packages from npm go into build/node_modules, pinned; the copy of package.json is what was installed.
if ! cmp -s scripts/package.json build/package.json || [ ! -d build/node_modules/echarts ]; then
  echo "setup: installing npm packages into build/node_modules"
  mkdir -p build
  cp scripts/package.json build/package.json
  npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts --prefix build || { rm -f build/package.json; exit 1; }
else
  echo "setup: build/node_modules is up to date"
fi

# Python packages that Debian does not have go into build/venv, pinned; the stamp is the list that was installed.
stamp=build/venv/requirements.installed
if ! cat scripts/requirements.txt scripts/requirements-alone.txt | cmp -s - "$stamp"; then
  echo "setup: installing Python packages into build/venv"
  mkdir -p build
  /usr/bin/python3 -m venv --system-site-packages build/venv
  build/venv/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
  build/venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r scripts/requirements-alone.txt
  cat scripts/requirements.txt scripts/requirements-alone.txt > "$stamp"
else
  echo "setup: build/venv is up to date"
fi
