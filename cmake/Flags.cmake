# bulkhead_flags: what every C target of ours is compiled with.
add_library(bulkhead_flags INTERFACE)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

target_compile_definitions(bulkhead_flags INTERFACE _GNU_SOURCE)
target_compile_options(bulkhead_flags INTERFACE
  -fno-strict-aliasing -fno-omit-frame-pointer -fstack-protector-strong -ffunction-sections -fdata-sections
  "-f$<IF:$<BOOL:${BULKHEAD_DEV}>,macro,file>-prefix-map=${PROJECT_SOURCE_DIR}/="
  -Wall -Wextra -Wshadow -Wundef -Wpointer-arith -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wvla
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition>
  $<$<BOOL:${BULKHEAD_DEV}>:-Werror>)

if(BULKHEAD_SANITIZE)
  target_compile_options(bulkhead_flags INTERFACE "-fsanitize=${BULKHEAD_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(bulkhead_flags INTERFACE "-fsanitize=${BULKHEAD_SANITIZE}")
elseif(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
  target_compile_options(bulkhead_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(BULKHEAD_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "BULKHEAD_FUZZ needs clang: -DCMAKE_C_COMPILER=clang")
  endif()
  target_compile_options(bulkhead_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# lld links a program with the engine in a fifth of the time that ld takes.
find_program(BULKHEAD_LLD ld.lld)
mark_as_advanced(BULKHEAD_LLD)
if(BULKHEAD_LLD)
  target_link_options(bulkhead_flags INTERFACE -fuse-ld=lld)
endif()

# Asserts never compile out: CMake's own flags for optimized builds define NDEBUG.
foreach(type IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
  foreach(language IN ITEMS C CXX)
    string(REPLACE "-DNDEBUG" "" CMAKE_${language}_FLAGS_${type} "${CMAKE_${language}_FLAGS_${type}}")
  endforeach()
endforeach()
