# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts under the prefix: the program (component program), and the library with
# its headers and the package tern for find_package() (component library). Dependencies are those of
# the distribution and are found again by tern-config.cmake.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Everything that an embedding program links: sessions, and all backends of this build.
add_library(tern_library INTERFACE)
add_library(tern::tern ALIAS tern_library)
set_target_properties(tern_library PROPERTIES EXPORT_NAME tern)
target_compile_features(tern_library INTERFACE cxx_std_20)
target_include_directories(tern_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tern>)
target_link_libraries(tern_library INTERFACE tern_session tern_backends)

# The targets of this project that a target is linked with, itself included.
function(tern_closure target out)
  set(found ${${out}})
  list(APPEND found ${target})
  get_target_property(type ${target} TYPE)
  set(properties INTERFACE_LINK_LIBRARIES)
  if(NOT type STREQUAL INTERFACE_LIBRARY)
    list(APPEND properties LINK_LIBRARIES)
  endif()
  foreach(property ${properties})
    get_target_property(libraries ${target} ${property})
    foreach(library ${libraries})
      string(REGEX REPLACE "^(\\$<LINK_ONLY:)+([^>]*)>+$" "\\2" library "${library}")
      if(library MATCHES "^tern_" AND TARGET ${library} AND NOT library IN_LIST found)
        tern_closure(${library} found)
      endif()
    endforeach()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

set(library_targets)
tern_closure(tern_library library_targets)
foreach(target ${library_targets})
  # A library that is linked without its include folders: the export names what stands alone.
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(libraries MATCHES "LINK_ONLY:\\$<LINK_ONLY:")
    string(REGEX REPLACE "\\$<LINK_ONLY:\\$<LINK_ONLY:([^>]*)>>" "$<LINK_ONLY:\\1>" libraries "${libraries}")
    set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES ${libraries})
  endif()
  # Include folders are those of this tree; who uses the installed library has one, that of tern_library.
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  if(folders AND NOT target STREQUAL tern_library)
    list(TRANSFORM folders REPLACE "^(.+)$" "$<BUILD_INTERFACE:\\1>")
    set_property(TARGET ${target} PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${folders})
  endif()
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tern)
install(TARGETS tern RUNTIME COMPONENT program)
install(TARGETS ${library_targets} EXPORT tern-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/tern COMPONENT library)
foreach(headers driver/include/tern model/io model/spec)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tern
    COMPONENT library FILES_MATCHING PATTERN *.hpp)
endforeach()
install(EXPORT tern-targets NAMESPACE tern:: DESTINATION ${package} COMPONENT library)
set(TERN_PACKAGE_SYSTEMC)
if(TERN_RTL)
  set(TERN_PACKAGE_SYSTEMC SYSTEMC=systemc)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/driver/tern-config.cmake.in ${PROJECT_BINARY_DIR}/tern-config.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tern-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tern-config.cmake ${PROJECT_BINARY_DIR}/tern-config-version.cmake
  DESTINATION ${package} COMPONENT library)
