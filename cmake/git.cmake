# IST_GIT, the commit the program was built from ("unknown" outside a git checkout), as a header in the build folder
# that is rewritten only when the commit changes. Run as a script it writes the header; included it defines
#   ist_git_header(FILE...)   these sources (patterns) see IST_GIT

if(CMAKE_SCRIPT_MODE_FILE)
  cmake_minimum_required(VERSION 3.25)
  set(git git --no-optional-locks -c safe.directory=* -C ${SOURCE})
  execute_process(COMMAND ${git} rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  execute_process(COMMAND ${git} status --porcelain --untracked-files=no OUTPUT_VARIABLE changed ERROR_QUIET)
  if(failed)
    set(commit unknown)
  elseif(changed)
    string(APPEND commit "-dirty")
  endif()
  file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define IST_GIT \"@commit@\"\n" @ONLY)
  return()
endif()

function(ist_git_header)
  set(header ${PROJECT_BINARY_DIR}/generated/ist_git.h)
  set(command ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DHEADER=${header}
              -P ${PROJECT_SOURCE_DIR}/cmake/git.cmake)
  execute_process(COMMAND ${command})
  add_custom_target(ist_git COMMAND ${command} BYPRODUCTS ${header})
  foreach(target infostrata_core infostrata_mpi infostrata)
    if(TARGET ${target})
      add_dependencies(${target} ist_git)
    endif()
  endforeach()
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/)
  file(GLOB files CONFIGURE_DEPENDS ${ARGN})
  set_property(SOURCE ${files} APPEND PROPERTY COMPILE_OPTIONS -include ${header})
endfunction()
