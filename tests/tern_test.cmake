# SPDX-License-Identifier: Apache-2.0
find_package(GTest REQUIRED)
include(GoogleTest)

# What scripts/test.sh builds: the programs of the tests with the label `unit`, and those of all others.
add_custom_target(unit_tests)
add_custom_target(system_tests)

# The sources of a test are compiled quickly: the time is spent in what they test.
set(TERN_TEST_OPTIONS $<IF:$<BOOL:${TERN_SANITIZE}>,-O0,$<$<CONFIG:Release>:-O1>>)

add_library(tern_test_folder OBJECT ${CMAKE_CURRENT_LIST_DIR}/test_folder.cpp)
target_link_libraries(tern_test_folder PRIVATE GTest::gtest tern_warnings)

# tern_add_test(NAME sources... [LIBS targets...] and what tern_test_cases takes): one GoogleTest program and its cases.
function(tern_add_test name)
  cmake_parse_arguments(arg "" "TIMEOUT;FILTER" "LIBS;LABELS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS} $<TARGET_OBJECTS:tern_test_folder>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest GTest::gtest_main tern_warnings)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${TERN_TEST_OPTIONS})
  target_compile_definitions(${name} PRIVATE
    TERN_DEMO_MODEL="${PROJECT_SOURCE_DIR}/model/demo/tern-demo.gguf" TERN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if("unit" IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name})
  else()
    add_dependencies(system_tests ${name})
  endif()
  tern_test_cases(${name} FILTER "${arg_FILTER}" LABELS ${arg_LABELS} TIMEOUT "${arg_TIMEOUT}")
endfunction()

# tern_test_cases(NAME LABELS labels... [TIMEOUT seconds] [FILTER pattern]): every case of the program that the filter lets through is a CTest test.
function(tern_test_cases name)
  cmake_parse_arguments(arg "" "TIMEOUT;FILTER" "LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(arg_FILTER)
    set(arg_FILTER TEST_FILTER ${arg_FILTER})
  endif()
  gtest_discover_tests(${name} ${arg_FILTER} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
