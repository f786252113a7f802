# SPDX-License-Identifier: Apache-2.0
# Sourced by the FPGA scripts, from the project's root.
source scripts/rtl_sources.sh

# Tools that Debian does not have come from PyPI, pinned, into a venv of their own.
fpga_venv=build/venv-fpga
fpga_tools() {
  cmp -s scripts/fpga/requirements.txt "$fpga_venv/requirements.installed" && return
  echo "fpga: installing the tools into $fpga_venv" >&2
  mkdir -p build
  python3 -m venv "$fpga_venv"
  "$fpga_venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/fpga/requirements.txt
  cp scripts/fpga/requirements.txt "$fpga_venv/requirements.installed"
}

# tool NAME: the native tool where there is one, else that of PyPI, which runs on WebAssembly and finds files below
# the working directory only.
tool() {
  if command -v "$1" >/dev/null; then
    echo "$1"
  else
    fpga_tools
    echo "$fpga_venv/bin/yowasp-$1"
  fi
}

# version COMMAND: what the tool says of itself.
version() {
  { "$1" --version 2>&1 || "$1" -V 2>&1; } | grep -m 1 -E 'Version|Yosys' | sed -E 's/^.*\((Version )?(nextpnr[^)]*)\).*$/\2/; s/ \(git.*//'
}

# logged LOG COMMAND...: runs a command into a log; shows its errors, or its end, when it fails.
logged() {
  local log=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    grep -E '^(ERROR|Error)' "$log" >&2 || tail -n 20 "$log" >&2
    echo "fpga: $1 failed; whole log in $log" >&2
    return 1
  fi
}
