# The libraries. Debian's names first; a Spack or conda-forge environment answers to the second ones.

find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SLEEF REQUIRED IMPORTED_TARGET sleef)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
# BLAS and LAPACK are OpenBLAS's: the program links it first.
find_library(SCALAPACK_LIBRARY NAMES scalapack-openmpi scalapack scalapack-mpich REQUIRED)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(Random123::Random123 INTERFACE IMPORTED)
target_include_directories(Random123::Random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

add_library(ParallelHDF5::HDF5 INTERFACE IMPORTED)
pkg_search_module(HDF5_PC IMPORTED_TARGET hdf5-openmpi hdf5-mpi hdf5-mpich)
if(HDF5_PC_FOUND)
  # Dimension scales are in the library beside it, which its pkg-config file does not name.
  find_library(HDF5_HL_LIBRARY NAMES hdf5_hl HINTS ${HDF5_PC_LIBRARY_DIRS} ${HDF5_PC_LIBDIR} REQUIRED)
  target_link_libraries(ParallelHDF5::HDF5 INTERFACE ${HDF5_HL_LIBRARY} PkgConfig::HDF5_PC)
else()
  set(HDF5_PREFER_PARALLEL ON)
  find_package(HDF5 1.10 REQUIRED COMPONENTS C HL)
  if(NOT HDF5_IS_PARALLEL)
    message(FATAL_ERROR "the HDF5 found (${HDF5_C_INCLUDE_DIRS}) was built without MPI; infostrata needs parallel HDF5")
  endif()
  target_include_directories(ParallelHDF5::HDF5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_compile_definitions(ParallelHDF5::HDF5 INTERFACE ${HDF5_C_DEFINITIONS})
  target_link_libraries(ParallelHDF5::HDF5 INTERFACE ${HDF5_HL_LIBRARIES} ${HDF5_C_LIBRARIES})
endif()
