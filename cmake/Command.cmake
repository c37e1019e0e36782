# bin/bulkhead. Its start is part of every run, so it is not position-independent and needs few shared libraries.
bulkhead_room(cli)
if(TARGET room_cli)
  target_include_directories(room_cli SYSTEM PRIVATE ${CURL_INCLUDE_DIRS}) # its headers alone: it is loaded when needed
  add_executable(bulkhead_command "$<TARGET_OBJECTS:room_cli>")
  find_library(BULKHEAD_SECCOMP_ARCHIVE libseccomp.a REQUIRED)
  mark_as_advanced(BULKHEAD_SECCOMP_ARCHIVE)
  target_link_libraries(bulkhead_command PRIVATE bulkhead_static "${BULKHEAD_SECCOMP_ARCHIVE}")
  target_link_options(bulkhead_command PRIVATE -static-libgcc)
  set_target_properties(bulkhead_command PROPERTIES
    OUTPUT_NAME bulkhead
    LINKER_LANGUAGE C
    LINK_DEPENDS "${BULKHEAD_ARCHIVE}")
  if(NOT BULKHEAD_SANITIZE)
    target_link_options(bulkhead_command PRIVATE -no-pie)
  endif()
endif()
