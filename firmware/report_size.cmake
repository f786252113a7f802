# SPDX-License-Identifier: Apache-2.0
# cmake -DINSTRUCTIONS=... -DDATA=... -DELF=... -DNM=... -P report_size.cmake
# Prints what the program takes of the controller's memories; the link has failed if it takes more than there is.
file(SIZE ${INSTRUCTIONS} instructions)
file(SIZE ${DATA} data)
execute_process(COMMAND ${NM} ${ELF} OUTPUT_VARIABLE symbols)
foreach(name instr_bytes data_begin data_bytes stack_top)
  string(REGEX REPLACE ".*([0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) [A-Za-z] __${name}.*" "0x\\1" ${name} "${symbols}")
  math(EXPR ${name} "${${name}}")
endforeach()
math(EXPR used "${stack_top} - ${data_begin}")
message(STATUS "firmware: instructions ${instructions} of ${instr_bytes} bytes; data ${used} of ${data_bytes} bytes with the stack, ${data} of them constants")
