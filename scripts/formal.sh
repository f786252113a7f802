#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves the stream cells with yosys and its model checker (yosys-abc); docs/formal.md says what is proved.
#   formal.sh             every line of tests/formal/harnesses: proof, then the cover points
#   formal.sh --mutants   every line of tests/formal/mutants: the fault must make its proof fail
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rtl=${TERN_RTL_DIR:-$root/rtl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mutant_depth=16
cover_depth=40
start=$SECONDS

# build NAME assert|cover RTL HARNESS PARAM=VALUE...: writes $work/NAME.aig, one output a property. Parameters in small
# letters are fields of Cfg.
# In cover mode each cover point is asserted to be
# out of reach, and the assertions go (the harnesses assume nothing but by how they drive inputs).
build() {
  local name=$1 mode=$2 dir=$3 harness=$4 parameters="" drop="" file=$work/$1.sv peeks config fields=()
  shift 4
  for pair in "$@"; do
    case $pair in
      [a-z]*) fields+=("$pair") ;;
      *) parameters+=" -chparam ${pair%=*} ${pair#*=}" ;;
    esac
  done
  if [ ${#fields[@]} -gt 0 ]; then
    config=$("$root/scripts/chip_config.py" --package "$dir/pkg/tern_pkg.sv" nano "${fields[@]}")
    parameters+=" -chparam Cfg $config"
  fi
  # A wire (* peek = "x" *) of the harness is register x of its unit "dut".
  peeks=$(sed -nE 's/.*\(\* peek = "([a-z0-9_.]+)" \*\).* ([a-z_]+);/connect -set \2 dut.\1/p' "$root/tests/formal/$harness.sv")
  if [ "$mode" = cover ]; then
    sed -E 's/\bassert \(/assume (/; s/^( *)cover \((.*)\);/\1assert (!(\2));/' "$root/tests/formal/$harness.sv" > "$file"
    drop="chformal -assume -remove"
  else
    cp "$root/tests/formal/$harness.sv" "$file"
  fi
  cat > "$work/$name.ys" <<YOSYS
read_verilog -sv -DSYNTHESIS $dir/pkg/tern_pkg.sv $dir/lib/fifo.sv $dir/lib/priority_arbiter.sv $dir/cluster/stream_reader.sv $dir/cluster/store_unit.sv
read_verilog -sv -formal $file
hierarchy -check -top $harness $parameters
proc
flatten
cd $harness
$peeks
cd ..
check -assert
opt -full
memory_collect
async2sync
opt_clean
chformal -cover -remove
$drop
setundef -undriven -anyseq
opt_clean
formalff -clk2ff -ff2anyinit
memory_map -formal
formalff -clk2ff -ff2anyinit
opt -full
techmap
opt -fast
dffunmap
abc -g AND -fast
opt_clean
write_aiger -I -B -zinit $work/$name.aig
YOSYS
  yosys -q -l "$work/$name.log" -s "$work/$name.ys" > "$work/$name.out" 2>&1 || { cat "$work/$name.out" >&2; return 1; }
}

# check NAME COMMANDS: the model checker's report on $work/NAME.aig.
check() {
  (cd "$work" && yosys-abc -c "read_aiger $1.aig; strash; $2") 2>&1
}

# field REPORT NAME: the number after "NAME = " of the last such line.
field() {
  sed -nE "s/.*\b$2 = *([0-9]+).*/\1/p" <<< "$1" | tail -n 1
}

failed=0
fail() {
  echo "formal: FAIL $*" >&2
  failed=1
}

prove() {
  local harness=$1 limit=$2 depth=$3 begin=$SECONDS report all proved wrong open mode
  shift 3
  build proof assert "$rtl" "$harness" "$@" || { fail "$harness $* cannot be read"; return; }
  report=$(check proof "scorr; pdr -a -T $limit") || true
  all=$(field "$report" All) proved=$(field "$report" Proved)
  wrong=$(field "$report" Disproved) open=$(field "$report" Undecided)
  if [ -z "$all" ] || [ "$all" = 0 ]; then fail "$harness $*: no report: $(tail -n 3 <<< "$report")"; return; fi
  if [ "$wrong" != 0 ]; then
    fail "$harness $*: $wrong of $all properties fail"
    grep -a 'was asserted in frame' <<< "$report" >&2
    return
  fi
  mode="proved $proved of $all"
  if [ "$open" != 0 ]; then
    report=$(check proof "scorr; bmc3 -a -F $depth -T 120") || true
    if ! grep -aqE "No output asserted in $depth frames" <<< "$report"; then
      fail "$harness $*: the bounded check to depth $depth: $(tail -n 2 <<< "$report")"
      return
    fi
    mode+=", $open bounded to depth $depth"
  fi

  build cover cover "$rtl" "$harness" "$@" || { fail "$harness $*: cover points cannot be read"; return; }
  local points reached last
  points=$(grep -c '^ *cover (' "$root/tests/formal/$harness.sv")
  report=$(check cover "bmc3 -a -F $cover_depth -T 120") || true
  reached=$(grep -ac 'was asserted in frame' <<< "$report") || true
  last=$(sed -nE 's/.*was asserted in frame *([0-9]+).*/\1/p' <<< "$report" | sort -n | tail -n 1)
  if [ "$reached" != "$points" ]; then
    fail "$harness $*: $reached of $points cover points reached"
    return
  fi
  printf '%-21s %-58s %s; %s covers by cycle %s (%d s)\n' "$harness" "$*" "$mode" "$points" "$last" $((SECONDS - begin))
}

mutate() {
  local name=$1 harness=$2 file=$3 edit=$4 copy=$work/rtl report first
  rm -rf "$copy"
  mkdir -p "$copy"
  cp -r "$rtl/pkg" "$rtl/lib" "$rtl/cluster" "$copy"
  sed -i -e "$edit" "$copy/$file"
  if cmp -s "$rtl/$file" "$copy/$file"; then fail "mutant $name changes nothing"; return; fi
  read -r -a first <<< "$(grep "^$harness " "$root/tests/formal/harnesses" | sed -n "${mutant_line[$harness]:-1}p")"
  build mutant assert "$copy" "$harness" "${first[@]:3}" || { fail "mutant $name cannot be read"; return; }
  report=$(check mutant "bmc3 -F $mutant_depth -T 120") || true
  if ! grep -aq 'was asserted in frame' <<< "$report"; then fail "mutant $name survives"; return; fi
  printf '%-30s caught in cycle %s\n' "$name" "$(sed -nE 's/.*was asserted in frame *([0-9]+).*/\1/p' <<< "$report" | head -n 1)"
}

lines() {
  grep -vE '^(#|$)' "$root/tests/formal/$1"
}

case ${1:-} in
  "")
    while read -r harness limit depth parameters; do
      # shellcheck disable=SC2086  # the parameters are words
      prove "$harness" "$limit" "$depth" $parameters
    done < <(lines harnesses)
    count=$(lines harnesses | wc -l) what=proofs
    ;;
  --mutants)
    # The line of the harness list whose parameters a mutant is checked with: Depth 3 exercises the wrap.
    declare -A mutant_line=([fifo_formal]=2)
    while read -r name harness file edit; do
      mutate "$name" "$harness" "$file" "$edit"
    done < <(lines mutants)
    count=$(lines mutants | wc -l) what=mutants
    ;;
  *) echo "usage: formal.sh [--mutants]" >&2; exit 2 ;;
esac
[ $failed = 0 ] || { echo "formal: FAIL" >&2; exit 1; }
echo "formal: PASS, $count $what ($((SECONDS - start)) s)"
