# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)
# The driver computes no part of the model: of the operator headers its sources see the address arithmetic alone.
# cmake -DCXX=compiler -DROOT=source tree -P driver_includes.cmake
function(operators_of source out)
  execute_process(
    COMMAND ${CXX} -std=c++20 -MM -I${ROOT} -I${ROOT}/driver/include -I${ROOT}/model -I${ROOT}/sim ${source}
    OUTPUT_VARIABLE dependencies RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${source}: the compiler found no dependencies")
  endif()
  string(REGEX MATCHALL "spec/(numerics/[a-z0-9_]+|generated/tables)\\.hpp" found "${dependencies}")
  list(REMOVE_DUPLICATES found)
  list(REMOVE_ITEM found spec/numerics/layout.hpp)
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# That the search finds anything.
operators_of(${ROOT}/sim/machine/vector.cpp found)
if(NOT "spec/numerics/rope.hpp" IN_LIST found OR NOT "spec/generated/tables.hpp" IN_LIST found)
  message(FATAL_ERROR "vector.cpp: expected operator headers, found \"${found}\"")
endif()

file(GLOB_RECURSE sources ${ROOT}/driver/src/*.cpp)
list(LENGTH sources count)
if(count LESS 5)
  message(FATAL_ERROR "only ${count} sources in driver/src")
endif()
foreach(source ${sources})
  operators_of(${source} found)
  if(found)
    message(FATAL_ERROR "${source} includes ${found}: operators run on the chip")
  endif()
endforeach()
message(STATUS "${count} sources, no operators")
