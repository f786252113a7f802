#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Loads the chip into the programmable logic of a KV260; run on the board, as root, in a folder with tern.bin (of build.tcl)
# and the files beside this script.
#   load.sh [REGISTERS]     address of the register window, default 0xA0000000
set -euo pipefail
registers=$((${1:-0xA0000000}))
here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "load: $1" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "root is needed: sudo $0"
[ -f "$here/tern.bin" ] || fail "$here/tern.bin is missing: build it with Vivado and build.tcl, and copy it here"
for tool in dtc xmutil busybox; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install device-tree-compiler xlnx-firmware busybox"
done
modinfo u-dma-buf >/dev/null 2>&1 || fail "the kernel module u-dma-buf is missing: build it from github.com/ikwzm/udmabuf"

app=/lib/firmware/xilinx/tern
mkdir -p "$app"
cp "$here/tern.bin" "$here/shell.json" "$app"
dtc -q -@ -I dts -O dtb -o "$app/tern.dtbo" "$here/tern.dtso"
xmutil unloadapp >/dev/null 2>&1 || true
xmutil loadapp tern
modprobe uio_pdrv_genirq of_id=generic-uio
modprobe u-dma-buf

# Where Linux put the buffer, which the chip then takes for its memory.
buffer=/sys/class/u-dma-buf/udmabuf-tern
for ((i = 0; i < 50; i++)); do
  [ -e "$buffer/phys_addr" ] && break
  sleep 0.1
done
[ -e "$buffer/phys_addr" ] || fail "$buffer is missing: has Linux as much contiguous memory as tern.dtso asks for? (dmesg)"
base=$(($(cat "$buffer/phys_addr")))
size=$(($(cat "$buffer/size")))
((size >= 1 << 20 && (size & (size - 1)) == 0)) || fail "the buffer has $size bytes; a power of two of at least 1 MiB is needed"
mib=$((1 << 20))
((base % mib == 0)) || fail "the buffer lies at $(printf 0x%x "$base"), which is no multiple of 1 MiB; ask for a larger one in tern.dtso"
busybox devmem $((registers + 0x1000)) 32 $((base / mib))
busybox devmem $((registers + 0x1004)) 32 $((0x80000000 | (size / mib - 1)))
got=$(($(busybox devmem $((registers + 0x1000)) 32)))
((got == base / mib)) || fail "the register window at $(printf 0x%x "$registers") does not answer as it should"
printf 'load: the chip is there: registers at 0x%x, %d MiB of memory at 0x%x\n' "$registers" $((size / mib)) "$base"
