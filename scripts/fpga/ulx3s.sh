#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The part of scripts/fpga.sh for a ULX3S. Everything made goes to build/fpga/ulx3s, the report to fpga/ulx3s.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/fpga/common.sh
out=build/fpga/ulx3s
bitstream=$out/tern.bit
action=${1:-build}
case $action in
  build | synth | program) shift || true ;;
  *) action=build ;;
esac
mkdir -p "$out"

synthesise() {
  local yosys script=$out/synth.ys netlist=$out/netlist.json start=$SECONDS
  yosys=$(tool yosys)
  {
    for file in $(rtl_sources rtl fpga) fpga/ulx3s/*.sv; do echo "read_verilog -sv -DSYNTHESIS $file"; done
    # All of synth_ecp5 but its last step, which gives every cell a name and takes as long as the rest.
    echo "synth_ecp5 -top ulx3s_top -abc9 -run begin:check"
    echo "hierarchy -check; check -noinit; stat; blackbox =A:whitebox; write_json $netlist.part"
  } >"$script"
  echo "fpga: synthesis with $(version "$yosys") (minutes; log in $out/synth.log)" >&2
  logged "$out/synth.log" "$yosys" -s "$script"
  mv "$netlist.part" "$netlist"
  echo $((SECONDS - start)) >"$out/synth.seconds"
}

# place_and_route SEED: a design, and nextpnr's report of it. Timing is judged by the report.
place_and_route() {
  local nextpnr seed=$1 start=$SECONDS
  nextpnr=$(tool nextpnr-ecp5)
  echo "fpga: place and route, seed $seed, with $(version "$nextpnr") (minutes; log in $out/seed_$seed.log)" >&2
  rm -f "$out/seed_$seed".{json,config}
  logged "$out/seed_$seed.log" "$nextpnr" --85k --package CABGA381 --speed 6 --lpf fpga/ulx3s/ulx3s.lpf \
    --json "$out/netlist.json" --seed "$seed" --timing-allow-fail --textcfg "$out/seed_$seed.config" \
    --report "$out/seed_$seed.part"
  mv "$out/seed_$seed.part" "$out/seed_$seed.json"
  echo $((SECONDS - start)) >"$out/seed_$seed.seconds"
}

build() {
  local seeds=("$@") seed best
  [ ${#seeds[@]} -gt 0 ] || seeds=(1 2)
  for seed in "${seeds[@]}"; do
    [[ $seed =~ ^[0-9]+$ ]] || { echo "fpga: '$seed' is no seed: a number is needed" >&2; exit 2; }
  done
  synthesise
  tool nextpnr-ecp5 >/dev/null
  for seed in "${seeds[@]}"; do  # as many at once as there are processors
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    place_and_route "$seed" &
  done
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done
  python3 scripts/fpga/report.py ulx3s --folder "$out" --seeds "${seeds[@]}" --yosys "$(version "$(tool yosys)")" \
    --nextpnr "$(version "$(tool nextpnr-ecp5)")" --output fpga/ulx3s/report --best "$out/best"
  best=$(cat "$out/best")
  logged "$out/pack.log" "$(tool ecppack)" --compress --freq 62.0 --input "$out/seed_$best.config" --bit "$bitstream.part"
  mv "$bitstream.part" "$bitstream"
  echo "fpga: $bitstream (seed $best); report in fpga/ulx3s/report.md"
}

case $action in
  build) build "$@" ;;
  synth) synthesise ;;
  program)
    bitstream=${1:-$bitstream}
    [ -f "$bitstream" ] || { echo "fpga: $bitstream is missing: run scripts/fpga.sh ulx3s" >&2; exit 1; }
    command -v openFPGALoader >/dev/null || { echo "fpga: openFPGALoader is missing: apt-get install openfpgaloader" >&2; exit 1; }
    openFPGALoader --board ulx3s "$bitstream"
    ;;
esac
