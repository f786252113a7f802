# SPDX-License-Identifier: Apache-2.0
# cmake -DPROGRAM=... -DCORPUS=....tar.xz -DFOLDER=... -P replay.cmake: unpacks a kept corpus and runs its target over it.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
# Not with CMake, which takes an archive that was cut off for a shorter one.
execute_process(COMMAND tar xJf ${CORPUS} -C ${FOLDER} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${CORPUS} cannot be unpacked whole")
endif()
execute_process(COMMAND ${PROGRAM} ${FOLDER} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the input named last in ${FOLDER} ends the program with ${result}")
endif()
