# make install: headers, both libraries, the command, bulkhead.pc and a CMake package. The installed tree may be
# moved: neither of the two holds an absolute path.

install(TARGETS bulkhead_shared bulkhead_net LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES "${BULKHEAD_ARCHIVE}" DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES "${PROJECT_SOURCE_DIR}/include/bulkhead.h" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/bulkhead" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(section IN ITEMS 1 3 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.${section}")
  if(pages)
    install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
  endif()
endforeach()
if(TARGET bulkhead_command)
  install(TARGETS bulkhead_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES contrib/completions/bulkhead.bash RENAME bulkhead
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES contrib/completions/_bulkhead DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES contrib/completions/bulkhead.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
if(TARGET bulkheadd)
  install(TARGETS bulkheadd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  configure_file(contrib/systemd/bulkhead.service "${CMAKE_BINARY_DIR}/bulkhead.service" @ONLY)
  install(FILES "${CMAKE_BINARY_DIR}/bulkhead.service" contrib/systemd/bulkhead.socket
          DESTINATION lib/systemd/system)
endif()

file(RELATIVE_PATH BULKHEAD_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
list(JOIN BULKHEAD_SYSTEM_LIBRARIES " " BULKHEAD_PC_LIBRARIES)
configure_file(cmake/bulkhead.pc.in "${CMAKE_BINARY_DIR}/bulkhead.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/bulkhead.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/bulkhead")
configure_package_config_file(cmake/bulkheadConfig.cmake.in "${CMAKE_BINARY_DIR}/bulkheadConfig.cmake"
  INSTALL_DESTINATION ${package}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/bulkheadConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/bulkheadConfig.cmake" "${CMAKE_BINARY_DIR}/bulkheadConfigVersion.cmake"
        DESTINATION ${package})
