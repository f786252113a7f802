# SPDX-License-Identifier: Apache-2.0
# Installs the library to a folder, builds the example of docs/examples against it alone, and has it tell what tern tells.
# cmake -DBUILD=build folder -DROOT=source tree -DTERN=program -DCXX=compiler -DGENERATOR=name -DMODEL=file -P install_test.cmake
cmake_minimum_required(VERSION 3.25)
set(folder ${BUILD}/tests/install_test)
set(prefix ${folder}/prefix)

function(run)
  cmake_parse_arguments(arg "" "OUTPUT" "COMMAND" ${ARGN})
  execute_process(COMMAND ${arg_COMMAND} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
  if(NOT status EQUAL 0)
    list(JOIN arg_COMMAND " " command)
    message(FATAL_ERROR "${command}: exit status ${status}\n${output}\n${error}")
  endif()
  if(arg_OUTPUT)
    set(${arg_OUTPUT} "${output}" PARENT_SCOPE)
  endif()
endfunction()

file(REMOVE_RECURSE ${folder})
run(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component library)

# What is installed needs neither this tree nor what it was built in.
file(GLOB_RECURSE package ${prefix}/*.cmake)
list(LENGTH package files)
if(files LESS 4)
  message(FATAL_ERROR "the package has ${files} files: ${package}")
endif()
foreach(file ${package})
  file(READ ${file} text)
  foreach(place ${ROOT} ${BUILD})
    string(FIND "${text}" "${place}/" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file} names ${place}")
    endif()
  endforeach()
endforeach()

# A copy, so that no header of this tree is beside it.
file(COPY ${ROOT}/docs/examples/story DESTINATION ${folder})
run(COMMAND ${CMAKE_COMMAND} -S ${folder}/story -B ${folder}/story/build -G ${GENERATOR}
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${prefix})
run(COMMAND ${CMAKE_COMMAND} --build ${folder}/story/build)

run(OUTPUT told COMMAND ${folder}/story/build/story ${MODEL} golden: "The little dog")
run(OUTPUT expected COMMAND ${TERN} run --model ${MODEL} --prompt "The little dog" --tokens 40 --seed 7 --quiet)
if(NOT told STREQUAL expected)
  message(FATAL_ERROR "the example tells\n${told}\ntern tells\n${expected}")
endif()

# An error of the library is one of the example.
execute_process(COMMAND ${folder}/story/build/story ${MODEL} nosuch: RESULT_VARIABLE status ERROR_VARIABLE error)
if(NOT status EQUAL 1 OR NOT error MATCHES "unknown backend")
  message(FATAL_ERROR "a backend that is not there: exit status ${status}, ${error}")
endif()
file(REMOVE_RECURSE ${folder})
message(STATUS "${told}")
