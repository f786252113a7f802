#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes what reads files and command lines with libFuzzer (Debian's clang): scripts/fuzz.sh [TARGET [SECONDS]]. Targets: gguf, safetensors, tokenizer_json, image,
# tokenizer_block, chat_template, plan, command_line, or all (the default).
# SECONDS (default 60) of CPU time for each target, however busy the machine is. What is found is kept in build-fuzz/found; new inputs in build-fuzz/corpus. With "merge" as SECONDS the kept corpus,
# tests/fuzz/corpus, is made again from it and all new inputs: few that reach the same code. Inputs in build-fuzz/fixed/TARGET are kept whatever they reach:
# move there from build-fuzz/found what has been repaired.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=(gguf safetensors tokenizer_json image tokenizer_block chat_template plan command_line)
if [ "${1:-all}" != all ]; then
  [[ " ${targets[*]} " == *" $1 "* ]] || { echo "fuzz: target is one of ${targets[*]} or all, not \"$1\"" >&2; exit 2; }
  targets=("$1")
fi
seconds=${2:-60}
[[ $seconds =~ ^([0-9]+|merge)$ ]] || { echo "fuzz: seconds are a number or \"merge\", not \"$seconds\"" >&2; exit 2; }
command -v clang++ > /dev/null || { echo "fuzz: clang++ is missing; apt-get install clang" >&2; exit 1; }
[ -x build/tern ] || scripts/build.sh release tern

dir=build-fuzz
mkdir -p $dir/found
echo "fuzz: building into $dir (log in $dir/build.log)"
if ! { cmake -S . -B $dir -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
         -DTERN_FUZZ=ON -DTERN_RTL=OFF && cmake --build $dir -j "$(nproc)" --target "${targets[@]/#/fuzz_}"; } > $dir/build.log 2>&1; then
  tail -n 30 $dir/build.log >&2
  exit 1
fi
build/venv/bin/python tests/fuzz/seeds.py build/tern "$dir/seeds"

# CPU time that a running child has used; fails when it has ended.
cpu_seconds() {
  local fields
  read -ra fields <<< "$(sed 's/.*) //' /proc/"$1"/stat 2> /dev/null)"  # state first, user and system time in ticks as 12th and 13th
  [[ ${fields[0]:-Z} != [ZX] ]] && echo $(((fields[11] + fields[12]) / $(getconf CLK_TCK)))
}

export ASAN_OPTIONS=allocator_may_return_null=0:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
for target in "${targets[@]}"; do
  archive=tests/fuzz/corpus/$target.tar.xz
  kept=$dir/kept/$target
  corpus=$dir/corpus/$target
  fixed=$dir/fixed/$target
  rm -rf "$kept"
  mkdir -p "$kept" "$corpus" "$fixed"
  [ ! -e "$archive" ] || tar xJf "$archive" -C "$kept"
  options=(-max_len=65536 -timeout=600 -rss_limit_mb=1024 -malloc_limit_mb=256)
  if [ "$seconds" = merge ]; then
    echo "fuzz: merging the inputs of $target"
    rm -rf "$dir/merged"
    mkdir "$dir/merged"
    $dir/tests/fuzz_"$target" "${options[@]}" -set_cover_merge=1 "$dir/merged" "$kept" "$corpus" "$dir/seeds/$target" > "$dir/$target.log" 2>&1
    find "$kept" "$fixed" -name '*-crash-*' -exec cp {} "$dir/merged" \;
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cJf "$archive.part" -C "$dir/merged" .
    mv "$archive.part" "$archive"
    echo "fuzz: $archive has $(find "$dir/merged" -type f | wc -l) inputs, $(stat -c %s "$archive") bytes packed"
    continue
  fi
  echo "fuzz: $target for $seconds s of CPU time (log in $dir/$target.log)"
  start=$SECONDS
  $dir/tests/fuzz_"$target" "${options[@]}" -dict=tests/fuzz/$target.dict -print_final_stats=1 -artifact_prefix=$dir/found/"$target"- \
    "$corpus" "$kept" "$fixed" "$dir/seeds/$target" > "$dir/$target.log" 2>&1 &
  fuzzer=$!
  trap 'kill $fuzzer' EXIT
  used=0
  while now=$(cpu_seconds $fuzzer) && used=$now && [ "$used" -lt "$seconds" ]; do
    [ ! -t 2 ] || printf '\rfuzz: %s %d of %d s' "$target" "$used" "$seconds" >&2
    sleep 1
  done
  [ ! -t 2 ] || printf '\r' >&2
  kill -USR1 $fuzzer 2> /dev/null || true  # libFuzzer ends after the input that it is at
  trap - EXIT
  if ! wait $fuzzer; then
    grep -m 1 -A 12 -E 'ERROR|runtime error|an allocation of|an input took|not one line' "$dir/$target.log" >&2 || tail -n 20 "$dir/$target.log" >&2
    echo "fuzz: $target failed; the input is in $dir/found, the log in $dir/$target.log" >&2
    exit 1
  fi
  echo "fuzz: $target ran $used s of CPU time in $((SECONDS - start)) s, $(grep -oP 'stat::number_of_executed_units: *\K.*' "$dir/$target.log") inputs, nothing found"
done
