# SPDX-License-Identifier: Apache-2.0
# The parameters of chips for Verilator's command line; see scripts/chip_config.py.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${TERN_RTL_DIR}/pkg/tern_pkg.sv ${PROJECT_SOURCE_DIR}/scripts/chip_config.py)

# tern_chip_config(OUT CONFIG [FIELD=VALUE...]): sets OUT to `-GCfg=...`: the named configuration with other values of some fields.
function(tern_chip_config out)
  execute_process(
    COMMAND ${PROJECT_SOURCE_DIR}/scripts/chip_config.py --package ${TERN_RTL_DIR}/pkg/tern_pkg.sv ${ARGN}
    OUTPUT_VARIABLE value OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${out} -GCfg=${value} PARENT_SCOPE)
endfunction()
