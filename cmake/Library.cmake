# The library: one object library a room, so that each room sees only the headers it may; and of their
# objects and the engine's, libbulkhead.a and libbulkhead.so.

find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED jansson)
pkg_check_modules(SODIUM REQUIRED libsodium)
find_library(BULKHEAD_JANSSON_ARCHIVE libjansson.a REQUIRED)
find_library(BULKHEAD_SODIUM_ARCHIVE libsodium.a REQUIRED)
mark_as_advanced(BULKHEAD_JANSSON_ARCHIVE BULKHEAD_SODIUM_ARCHIVE)

# What a program that links the archive needs besides.
set(BULKHEAD_SYSTEM_LIBRARIES -lpthread -ldl -lm)

# bulkhead_room(NAME): src/NAME/*.c as target room_NAME; nothing where the room does not exist yet.
function(bulkhead_room name)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.c")
  if(NOT sources)
    return()
  endif()
  add_library(room_${name} OBJECT ${sources})
  target_link_libraries(room_${name} PRIVATE bulkhead_flags)
  target_include_directories(room_${name} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src"
                                                  ${JANSSON_INCLUDE_DIRS})
  # One set of objects serves both libraries. Hidden symbols keep position-independent code as fast as the other.
  set_target_properties(room_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
  target_compile_options(room_${name} PRIVATE -fno-semantic-interposition)
endfunction()

set(BULKHEAD_LIBRARY_ROOMS base engine cache manifest functions host supervise gateway)
set(rooms "")
foreach(room IN LISTS BULKHEAD_LIBRARY_ROOMS)
  bulkhead_room(${room})
  if(TARGET room_${room})
    list(APPEND rooms room_${room})
  endif()
endforeach()

# The program that compiles in a process of its own, where a component asks for that.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/host/component.c" PROPERTIES
  COMPILE_DEFINITIONS "DEFAULT_COMPILER=\"${CMAKE_INSTALL_FULL_BINDIR}/bulkhead\"")

# Only this room sees the engine's headers; and one file of base the TOML parser that lives in the archive.
if(TARGET room_engine)
  target_include_directories(room_engine SYSTEM PRIVATE ${BULKHEAD_ENGINE_INCLUDE})
  add_dependencies(room_engine engine)
endif()
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/base/toml.c" PROPERTIES
  INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/engine/include/toml")

set(objects "")
foreach(room IN LISTS rooms)
  list(APPEND objects "$<TARGET_OBJECTS:${room}>")
endforeach()

# libbulkhead.a: ours and the engine's objects in one archive.
set(BULKHEAD_ARCHIVE "${CMAKE_BINARY_DIR}/lib/libbulkhead.a")
set(objects_list "${CMAKE_BINARY_DIR}/lib/objects.txt")
file(GENERATE OUTPUT "${objects_list}" CONTENT "$<JOIN:${objects},\n>\n")
add_custom_command(
  OUTPUT "${BULKHEAD_ARCHIVE}"
  COMMAND "${PROJECT_SOURCE_DIR}/tools/merge-archive.sh" "${CMAKE_AR}" "${BULKHEAD_ARCHIVE}"
          "${BULKHEAD_ENGINE_ARCHIVE}" "${objects_list}"
  DEPENDS ${objects} "${objects_list}" "${BULKHEAD_ENGINE_DEPENDS}" engine
          "${PROJECT_SOURCE_DIR}/tools/merge-archive.sh"
  COMMENT "lib/libbulkhead.a"
  VERBATIM)
add_custom_target(archive ALL DEPENDS "${BULKHEAD_ARCHIVE}")

# bulkhead_static: what the command, the tests and the benchmarks link.
add_library(bulkhead_static INTERFACE)
add_dependencies(bulkhead_static archive)
target_link_libraries(bulkhead_static INTERFACE "${BULKHEAD_ARCHIVE}" "${BULKHEAD_JANSSON_ARCHIVE}" "${BULKHEAD_SODIUM_ARCHIVE}"
                                                ${BULKHEAD_SYSTEM_LIBRARIES} bulkhead_flags)
target_link_options(bulkhead_static INTERFACE -Wl,--gc-sections -Wl,--as-needed)

# libbulkhead.so: exports what the map lists and nothing else.
set(map "${PROJECT_SOURCE_DIR}/src/libbulkhead.map")
add_library(bulkhead_shared SHARED ${objects})
add_dependencies(bulkhead_shared engine)
target_link_libraries(bulkhead_shared PRIVATE bulkhead_flags "${BULKHEAD_ENGINE_ARCHIVE}" ${SODIUM_LINK_LIBRARIES}
                                              ${BULKHEAD_SYSTEM_LIBRARIES})
target_link_options(bulkhead_shared PRIVATE "-Wl,--version-script=${map}" -Wl,--gc-sections -Wl,--as-needed
                                            -Wl,-Bsymbolic-functions -Wl,--no-undefined)
set_target_properties(bulkhead_shared PROPERTIES
  OUTPUT_NAME bulkhead
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C
  LINK_DEPENDS "${map};${BULKHEAD_ENGINE_DEPENDS}")
if(BULKHEAD_SANITIZE)
  # Clang leaves the sanitizer's own symbols to the program.
  set_target_properties(bulkhead_shared PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

# libbulkhead-net.so: HTTP, for who needs it. Nothing links it: it is loaded by the first fetch, so that libcurl and all
# that hangs on it costs nobody else anything. Of base it has its own copy of the few objects that it uses.
pkg_check_modules(CURL REQUIRED libcurl>=7.87)
bulkhead_room(net)
target_include_directories(room_net SYSTEM PRIVATE ${CURL_INCLUDE_DIRS})
add_library(base_archive STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:room_base>)
set(net_map "${PROJECT_SOURCE_DIR}/src/libbulkhead-net.map")
add_library(bulkhead_net SHARED $<TARGET_OBJECTS:room_net>)
target_link_libraries(bulkhead_net PRIVATE bulkhead_flags base_archive ${CURL_LINK_LIBRARIES} -lpthread)
target_link_options(bulkhead_net PRIVATE "-Wl,--version-script=${net_map}" -Wl,--gc-sections -Wl,--as-needed)
if(NOT BULKHEAD_SANITIZE)
  # Clang leaves the sanitizer's own symbols to the program.
  target_link_options(bulkhead_net PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(bulkhead_net PROPERTIES
  OUTPUT_NAME bulkhead-net
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C
  LINK_DEPENDS "${net_map}")
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/functions/library.c" PROPERTIES
  COMPILE_DEFINITIONS "BH_LIBRARY_FOLDER=\"${CMAKE_INSTALL_LIBDIR}\"")
