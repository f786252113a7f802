// SPDX-License-Identifier: Apache-2.0
# First instruction at address 0: stack, zeroed .bss, then the firmware, which does not return.
# .data and .rodata are in place: the host writes the data memory before it lets the core run.
  .section .text.start, "ax"
  .globl _start
_start:
  la sp, __stack_top
  la a0, __bss_start
  la a1, __bss_end
1:
  bgeu a0, a1, 2f
  sw zero, 0(a0)
  addi a0, a0, 4
  j 1b
2:
  call firmware_main
3:
  j 3b
