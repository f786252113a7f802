# SPDX-License-Identifier: Apache-2.0
# cmake -DINSTRUCTIONS=... -DDATA=... -DELF=... -DNM=... -DSPEC=... -P report_size.cmake
# Prints what the program takes of the controller's memories and fails if it takes more than there is.
file(READ ${SPEC} limits)
string(REGEX REPLACE ".*kInstrBytes = ([0-9]+);.*" "\\1" most_instructions "${limits}")
string(REGEX REPLACE ".*kDataBytes = ([0-9]+);.*" "\\1" most_data "${limits}")
file(SIZE ${INSTRUCTIONS} instructions)
file(SIZE ${DATA} data)
execute_process(COMMAND ${NM} ${ELF} OUTPUT_VARIABLE symbols)
string(REGEX REPLACE ".*10([0-9a-f]+) [A-Za-z] __stack_top.*" "0x\\1" top "${symbols}")
math(EXPR used "${top}")
if(instructions GREATER most_instructions OR data GREATER most_data OR used GREATER most_data)
  message(FATAL_ERROR "firmware: ${instructions} of ${most_instructions} bytes of instructions, ${used} of ${most_data} bytes of data")
endif()
message(STATUS "firmware: instructions ${instructions} of ${most_instructions} bytes; data ${used} of ${most_data} bytes with the stack, ${data} of them constants")
