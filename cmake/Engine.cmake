# The engine: a Rust archive and the headers generated with it, from tools/build-engine.sh.
#
#   target engine             checked in every build; does nothing unless engine/ changed
#   BULKHEAD_ENGINE_ARCHIVE   what to link
#   BULKHEAD_ENGINE_INCLUDE   wasmtime.h and its friends, and our bhx.h
#   BULKHEAD_ENGINE_DEPENDS   a file that changes when the archive does

if(BULKHEAD_ENGINE_DIR)
  if(NOT EXISTS "${BULKHEAD_ENGINE_DIR}/lib/libbulkhead_engine.a")
    message(FATAL_ERROR "BULKHEAD_ENGINE_DIR: no lib/libbulkhead_engine.a in ${BULKHEAD_ENGINE_DIR}")
  endif()
  set(engine "${BULKHEAD_ENGINE_DIR}")
  set(BULKHEAD_ENGINE_DEPENDS "${engine}/lib/libbulkhead_engine.a")
  add_custom_target(engine)
else()
  set(engine "${CMAKE_BINARY_DIR}/engine")
  set(BULKHEAD_ENGINE_DEPENDS "${engine}/key")
  add_custom_target(engine
    COMMAND "${PROJECT_SOURCE_DIR}/tools/build-engine.sh" --link "${engine}"
    BYPRODUCTS "${engine}/key" "${engine}/lib/libbulkhead_engine.a"
    COMMENT "engine"
    USES_TERMINAL
    VERBATIM)
endif()

set(BULKHEAD_ENGINE_ARCHIVE "${engine}/lib/libbulkhead_engine.a")
set(BULKHEAD_ENGINE_INCLUDE "${engine}/include" "${PROJECT_SOURCE_DIR}/engine/include")
