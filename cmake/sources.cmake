# Which file goes into which library: found by name, never listed.

# A library without sources yet gets this one.
file(WRITE ${PROJECT_BINARY_DIR}/generated/empty.c "typedef int ist_empty;\n")

# ist_glob(VAR PATTERN [ONLY REGEX] [EXCLUDE REGEX]): files matching PATTERN, filtered by their path in the project.
function(ist_glob variable pattern)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "ONLY;EXCLUDE" "")
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${pattern})
  if(arg_ONLY)
    list(FILTER files INCLUDE REGEX "${arg_ONLY}")
  endif()
  if(arg_EXCLUDE)
    list(FILTER files EXCLUDE REGEX "${arg_EXCLUDE}")
  endif()
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/)
  if(NOT files)
    set(files ${PROJECT_BINARY_DIR}/generated/empty.c)
  endif()
  set(${variable} ${files} PARENT_SCOPE)
endfunction()

# One tile kernel for one instruction set, with its own flags.
function(ist_tile list kernel set exactness)
  set(name ${kernel}_${set})
  add_library(${name} OBJECT ${PROJECT_SOURCE_DIR}/src/pairs/${kernel}.c)
  target_compile_definitions(${name} PRIVATE IST_SET=${set})
  target_link_libraries(${name} PRIVATE ist_flags ist_strict)
  target_compile_options(${name} PRIVATE -O3 ${ARGN} ${exactness})
  set(${list} ${${list}} $<TARGET_OBJECTS:${name}> PARENT_SCOPE)
endfunction()

# The tile kernels, compiled once per instruction set and picked at run time: one binary for a mixed cluster.
# Those that bound distances have room for it, so contraction is welcome; tile64 is the definition, so it is not.
# gcc's SLP vectoriser gathers bits of comparisons into vectors, which costs more than it saves.
function(ist_tiles variable)
  set(no_slp $<$<C_COMPILER_ID:GNU>:-fno-tree-slp-vectorize>)
  set(avx2_32 -mavx2 -mfma)
  set(avx512 -mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma -mprefer-vector-width=512)
  set(objects "")
  if(IST_X86 AND EXISTS ${PROJECT_SOURCE_DIR}/src/pairs/tile32.c)
    foreach(kernel tile32 scan32 near32 look64)
      ist_tile(objects ${kernel} avx2 -ffp-contract=fast ${no_slp} ${avx2_32})
      ist_tile(objects ${kernel} avx512 -ffp-contract=fast ${no_slp} ${avx512})
    endforeach()
    ist_tile(objects place32 avx2 -ffp-contract=fast ${no_slp} ${avx2_32})
    ist_tile(objects place32 avx512_skylake -ffp-contract=fast ${no_slp} ${avx512})
    ist_tile(objects place32 avx512 -ffp-contract=fast ${no_slp} ${avx512} -mavx512vpopcntdq)
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/pairs/tile64.c)
    ist_tile(objects tile64 generic -ffp-contract=off)
    if(IST_X86)
      ist_tile(objects tile64 avx2 -ffp-contract=off -mavx2)
      ist_tile(objects tile64 avx512 -ffp-contract=off ${avx512})
    endif()
  endif()
  set(${variable} ${objects} PARENT_SCOPE)
endfunction()
