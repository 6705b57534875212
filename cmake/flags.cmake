# Compiler flags, as three interface libraries:
#   ist_flags  language, warnings, hardening, sanitizers: for every file
#   ist_strict narrowing conversions must be written out: for the program, not for the tests
#   ist_exact  -ffp-contract=off: for every file but the float32 filter kernel. The float64 distance is defined
#              operation by operation, each one rounded; a contracted multiply-add would change its last bit.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g3")

if("${CMAKE_C_FLAGS} $ENV{CFLAGS}" MATCHES "-ffast-math|-Ofast|-funsafe-math|-ffinite-math|-fassociative-math")
  message(FATAL_ERROR "CFLAGS has a fast-math flag: results would no longer be exact, nor the same everywhere")
endif()

include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(ist_flags INTERFACE)
target_include_directories(ist_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(ist_flags INTERFACE
  _GNU_SOURCE
  IST_VERSION="${PROJECT_VERSION}")
target_compile_options(ist_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wundef -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wpointer-arith
  -fstack-protector-strong
  $<$<BOOL:${IST_WERROR}>:-Werror>)
target_link_options(ist_flags INTERFACE LINKER:-z,relro LINKER:-z,now)

if(IST_SANITIZE)
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_compile_options(ist_flags INTERFACE ${sanitize} -fno-omit-frame-pointer)
  target_link_options(ist_flags INTERFACE ${sanitize})
else()
  target_compile_options(ist_flags INTERFACE $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()

add_library(ist_strict INTERFACE)
target_compile_options(ist_strict INTERFACE -Wconversion -Wno-sign-conversion)

add_library(ist_exact INTERFACE)
target_compile_options(ist_exact INTERFACE -ffp-contract=off)
# gcc 12 at -O3: where the SLP vectoriser takes several (double)(float)x side by side it drops the rounding
# (tests/unit/test_pairs_tiles.c, `roundings`). The kernels, which need speed, round nowhere like that.
target_compile_options(ist_exact INTERFACE $<$<C_COMPILER_ID:GNU>:-fno-tree-slp-vectorize>)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(IST_X86 ON)
else()
  set(IST_X86 OFF)
  target_compile_definitions(ist_flags INTERFACE IST_NO_X86=1)
endif()
