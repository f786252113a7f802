# cmake -DPROGRAM=... -DCORPUS=....tar.xz -DFOLDER=... -P replay.cmake: unpacks a kept corpus and runs its target over it.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
file(ARCHIVE_EXTRACT INPUT ${CORPUS} DESTINATION ${FOLDER})
execute_process(COMMAND ${PROGRAM} ${FOLDER} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the input named last in ${FOLDER} ends the program with ${result}")
endif()
