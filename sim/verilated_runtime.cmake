# SPDX-License-Identifier: Apache-2.0
# Verilator's run time, compiled once for all blocks of the tests; the chips have theirs in tern_vl_fatal.
find_package(verilator REQUIRED HINTS /usr/share/verilator $ENV{VERILATOR_ROOT})
set(TERN_VERILATED_SOURCES ${VERILATOR_ROOT}/include/verilated.cpp ${VERILATOR_ROOT}/include/verilated_threads.cpp)
add_library(tern_verilated STATIC ${TERN_VERILATED_SOURCES})
target_include_directories(tern_verilated SYSTEM PUBLIC ${VERILATOR_ROOT}/include ${VERILATOR_ROOT}/include/vltstd)

# tern_share_runtime(TARGET [LIBRARY]): after verilate(): TARGET takes the run time from LIBRARY (tern_verilated) instead of compiling its own.
function(tern_share_runtime target)
  set(libraries tern_verilated ${ARGN})
  list(POP_BACK libraries library)
  get_target_property(sources ${target} SOURCES)
  list(REMOVE_ITEM sources ${TERN_VERILATED_SOURCES})
  set_target_properties(${target} PROPERTIES SOURCES "${sources}")
  target_link_libraries(${target} PUBLIC ${library})
endfunction()
