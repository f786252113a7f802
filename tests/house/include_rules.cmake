# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.25)
# Who may include whom, for every folder of the product's C++, and that every include says where its file is:
#   "name.hpp"          of the same folder
#   "folder/name.hpp"   from model, sim or driver/include, or from the top
# cmake -DROOT=source tree -P include_rules.cmake

# A folder stands for those below it that have no row of their own. Behind it, what its files may include beside each other.
set(rules
  "model/spec            | model/spec/numerics"
  "model/spec/numerics   | model/spec"
  "model/io              | model/spec model/spec/numerics"
  "model/golden          | model/io model/spec model/spec/numerics"
  "model/reference       | model/io model/spec"
  "firmware              | model/spec model/spec/numerics"
  "driver/include        | model/io model/spec"
  "driver/src            | driver/include model/io model/spec model/spec/numerics"
  "driver/session        | driver/include model/io model/spec model/spec/numerics"
  "driver/report         | sim/estimate sim/energy sim/dram model/io model/spec model/spec/numerics"
  "driver/cli            | driver/include driver/report sim/backends sim/board sim/dram sim/energy sim/estimate sim/tlm model/golden model/reference model/io model/spec model/spec/numerics"
  "sim                   | sim/timeline sim/platform sim/dram driver/include model/io model/spec"
  "sim/backends          | driver/include driver/src sim sim/board sim/dram sim/machine sim/tlm model/golden model/reference model/io model/spec model/spec/numerics"
  "sim/board             | sim driver/include driver/src model/io model/spec"
  "sim/chip              | sim/iss model/io model/spec"
  "sim/dram              | model/io model/spec"
  "sim/energy            | model/io model/spec"
  "sim/energy/core_ports | sim driver/include driver/src model/io model/spec"
  "sim/energy/operands   | model/golden model/io model/spec model/spec/numerics"
  "sim/energy/report     | sim/energy sim/estimate sim/dram sim/tlm driver/include model/io model/spec"
  "sim/estimate          | sim/dram sim/energy sim/tlm driver/include model/io model/spec model/spec/numerics"
  "sim/iss               |"
  "sim/machine           | sim/chip sim/iss driver/include model/io model/spec model/spec/numerics"
  "sim/platform          | sim sim/dram model/io model/spec"
  "sim/timeline          | model/io"
  "sim/tlm               | sim sim/chip sim/dram sim/iss driver/include driver/src model/io model/spec model/spec/numerics")
# Written by the build; what a folder takes of another by its build alone.
set(generated commit.hpp presets_yaml.hpp embedded.hpp)

set(folders)
foreach(rule ${rules})
  string(REGEX MATCHALL "[a-z_/]+" allowed "${rule}")
  list(POP_FRONT allowed folder)
  list(APPEND folders ${folder})
  set(allowed_${folder} ${folder} ${allowed})
endforeach()

# The longest row that `path` is below; empty if there is none.
function(folder_of path out)
  set(best "")
  foreach(folder ${folders})
    string(FIND "${path}" "${folder}/" at)
    string(LENGTH "${folder}" length)
    string(LENGTH "${best}" best_length)
    if(at EQUAL 0 AND length GREATER best_length)
      set(best ${folder})
    endif()
  endforeach()
  set(${out} "${best}" PARENT_SCOPE)
endfunction()

# The file that `include` in `source` is, from the top of the tree; empty if it cannot be told.
function(file_of source include out)
  get_filename_component(own ${source} DIRECTORY)
  set(places ${own}/)
  if(include MATCHES "/")
    set(places model/ sim/ driver/include/ "")
    if(own MATCHES "^firmware/")  # which the mutants build from a copy
      list(APPEND places firmware/)
    endif()
  elseif(include STREQUAL "bus.hpp")  # the chip's, or the bench's in tests of the firmware
    list(APPEND places firmware/chip/)
  endif()
  set(found "")
  foreach(place IN LISTS places)
    if(NOT found AND EXISTS ${ROOT}/${place}${include})
      set(found ${place}${include})
    endif()
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

# What is wrong with an include; empty if nothing is.
function(problem_of source include out)
  set(${out} "" PARENT_SCOPE)
  if(include IN_LIST generated)
    return()
  endif()
  file_of(${source} ${include} file)
  if(NOT file)
    set(${out} "${source} includes \"${include}\", which is no file of its folder: name the folder" PARENT_SCOPE)
    return()
  endif()
  folder_of(${source} from)
  folder_of(${file} to)
  if(NOT to OR NOT to IN_LIST allowed_${from})
    set(${out} "${source} includes \"${include}\": ${from} may include ${allowed_${from}}, not ${to}" PARENT_SCOPE)
  endif()
endfunction()

# That the search finds anything.
foreach(wrong
    "model/golden/model.cpp reference/reference.hpp" "model/reference/reference.cpp spec/numerics/rope.hpp" "sim/iss/iss.cpp tern/device.hpp"
    "driver/src/device.cpp golden/model.hpp" "driver/include/tern/device.hpp tlm/units.hpp" "sim/tlm/units.cpp estimate.hpp")
  separate_arguments(wrong)
  problem_of(${wrong} problem)
  if(NOT problem)
    message(FATAL_ERROR "nothing is found wrong with: ${wrong}")
  endif()
endforeach()

set(problems)
set(count 0)
foreach(top model firmware driver sim)
  file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/${top}/*.cpp ${ROOT}/${top}/*.hpp)
  foreach(source ${sources})
    folder_of(${source} folder)
    if(NOT folder)
      list(APPEND problems "${source}: its folder has no row in include_rules.cmake")
      continue()
    endif()
    math(EXPR count "${count} + 1")
    file(STRINGS ${ROOT}/${source} lines REGEX "^#include \"")
    foreach(line ${lines})
      string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" include "${line}")
      problem_of(${source} ${include} problem)
      if(problem)
        list(APPEND problems "${problem}")
      endif()
    endforeach()
  endforeach()
endforeach()
if(count LESS 300)
  message(FATAL_ERROR "only ${count} files")
endif()
if(problems)
  list(JOIN problems "\n" text)
  message(FATAL_ERROR "${text}")
endif()
message(STATUS "${count} files, every include where it may be")
