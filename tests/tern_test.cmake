# SPDX-License-Identifier: Apache-2.0
find_package(GTest REQUIRED)
include(GoogleTest)

# What scripts/test.sh quick needs: every unit test, the programs that they run, and a short lockstep.
add_custom_target(quick_tests DEPENDS tern)

add_library(tern_test_folder OBJECT ${CMAKE_CURRENT_LIST_DIR}/test_folder.cpp)
target_link_libraries(tern_test_folder PRIVATE GTest::gtest tern_warnings)

# tern_add_test(NAME sources... [LIBS targets...] [LABELS labels...] [TIMEOUT seconds] [FILTER pattern]): one GoogleTest program; every case is a CTest test.
function(tern_add_test name)
  cmake_parse_arguments(arg "" "TIMEOUT;FILTER" "LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS} $<TARGET_OBJECTS:tern_test_folder>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gtest GTest::gtest_main tern_warnings)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE
    TERN_DEMO_MODEL="${PROJECT_SOURCE_DIR}/model/demo/tern-demo.gguf" TERN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if("unit" IN_LIST arg_LABELS)
    add_dependencies(quick_tests ${name})
  endif()
  if(arg_FILTER)
    set(arg_FILTER TEST_FILTER ${arg_FILTER})
  endif()
  gtest_discover_tests(${name} ${arg_FILTER} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
