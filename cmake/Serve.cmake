# The daemon: src/serve without its main file as room_serve, which the tests of its parts link too. Only this links
# libmicrohttpd; libcurl is what its gateway asks the upstream with.
bulkhead_room(serve)
if(TARGET room_serve)
  pkg_check_modules(MICROHTTPD REQUIRED libmicrohttpd>=0.9.75)
  target_include_directories(room_serve SYSTEM PRIVATE ${MICROHTTPD_INCLUDE_DIRS})
  target_include_directories(room_serve SYSTEM PRIVATE ${CURL_INCLUDE_DIRS})
  get_target_property(sources room_serve SOURCES)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  set_target_properties(room_serve PROPERTIES SOURCES "${sources}")

  # The file that the server hands out is the one in the tree.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/serve/route_meta.c" PROPERTIES
    COMPILE_DEFINITIONS "OPENAPI_FILE=\"${PROJECT_SOURCE_DIR}/src/serve/openapi.json\""
    OBJECT_DEPENDS "${PROJECT_SOURCE_DIR}/src/serve/openapi.json")

  # What a program that has the room's objects needs besides.
  add_library(serve_parts INTERFACE)
  target_sources(serve_parts INTERFACE "$<TARGET_OBJECTS:room_serve>")
  target_link_libraries(serve_parts INTERFACE bulkhead_static ${MICROHTTPD_LINK_LIBRARIES} ${CURL_LINK_LIBRARIES})

  # bin/bulkheadd.
  add_executable(bulkheadd "${PROJECT_SOURCE_DIR}/src/serve/main.c")
  target_include_directories(bulkheadd PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(bulkheadd PRIVATE serve_parts)
  set_target_properties(bulkheadd PROPERTIES LINKER_LANGUAGE C LINK_DEPENDS "${BULKHEAD_ARCHIVE}")
endif()
