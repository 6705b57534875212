#!/bin/bash
# tools/setup.sh run|test|bench: sees to it that the packages are there which the quickstart (run), the tests (test) or
# the comparisons of tests/bench (bench) need.
#
# Nothing missing: silent, status 0, no root, no network. Something missing on Debian (or a relative of it) and the
# right to install: installs it with apt-get, the only network use. Otherwise: prints the names, status 2.
# On other systems each need is probed; INFOSTRATA_SKIP_SETUP=1 skips all of this.
set -euo pipefail

# list  Debian package  what proves it elsewhere  Spack  conda-forge  ("-": no such)
packages='
run   build-essential        cmd:make              gmake          make
run   gcc                    cmd:cc                gcc            c-compiler
run   cmake                  cmd:cmake             cmake          cmake
run   ninja-build            cmd:ninja             ninja          ninja
run   pkg-config             cmd:pkg-config        pkgconf        pkg-config
run   libopenmpi-dev         cmd:mpicc             openmpi        openmpi
run   openmpi-bin            cmd:mpirun            openmpi        openmpi
run   libhdf5-openmpi-dev    cmd:h5pcc             hdf5+mpi       hdf5=*=mpi_openmpi*
run   libopenblas-dev        pc:openblas           openblas       openblas
run   libscalapack-openmpi-dev pc:scalapack-openmpi netlib-scalapack scalapack
run   libyaml-dev            pc:yaml-0.1           libyaml        yaml
run   libxxhash-dev          pc:libxxhash          xxhash         xxhash
run   libsleef-dev           pc:sleef              sleef          sleef
run   librandom123-dev       hdr:Random123/philox.h random123     -
run   python3-h5py           py:h5py               py-h5py        h5py
run   python3-numpy          py:numpy              py-numpy       numpy
run   python3-pandas         py:pandas             py-pandas      pandas
run   python3-matplotlib     py:matplotlib         py-matplotlib  matplotlib
run   python3-torch          py:torch              py-torch       pytorch
run   dataset-fashion-mnist  -                     -              -
test  libcriterion-dev       pc:criterion          -              -
test  clang-tidy             cmd:clang-tidy        llvm           clang-tools
test  clang-format           cmd:clang-format      llvm           clang-format
test  clang                  cmd:clang              llvm           clang
test  libclang-rt-14-dev     -                      llvm           compiler-rt
test  shellcheck             cmd:shellcheck        shellcheck     shellcheck
test  python3-scipy          py:scipy              py-scipy       scipy
test  python3-sklearn        py:sklearn            py-scikit-learn scikit-learn
test  python3-xarray         py:xarray             py-xarray      xarray
test  python3-h5netcdf       py:h5netcdf           py-h5netcdf    h5netcdf
test  python3-netcdf4        py:netCDF4            py-netcdf4     netcdf4
test  hdf5-tools             cmd:h5dump            hdf5           hdf5
test  git                    cmd:git               git            git
test  iproute2               cmd:ip                -              -
test  munge                  cmd:munged            -              -
test  slurm-wlm              cmd:slurmctld         -              -
bench python3-faiss          py:faiss              faiss+python   faiss-cpu
bench python3-sklearn        py:sklearn            py-scikit-learn scikit-learn
'

die() {
    printf 'tools/setup.sh: %s\n' "$*" >&2
    exit 2
}

on_debian() {
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null
}

# Is the need of one row met?
present() {
    local package=$1 probe=$2
    if on_debian; then
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]]
        return
    fi
    case $probe in
    cmd:*) command -v "${probe#cmd:}" >/dev/null ;;
    pc:*) pkg-config --exists "${probe#pc:}" ;;
    py:*) python3 -c "import ${probe#py:}" 2>/dev/null ;;
    hdr:*) printf '#include <%s>\n' "${probe#hdr:}" | cc -E -x c - >/dev/null 2>&1 ;;
    *) true ;;
    esac
}

# apt-get with the right to install, or status 1.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

install() {
    local apt=(apt-get -y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    local get=("${apt[@]}" install --no-install-recommends "$@")
    as_root true || return 1
    printf 'installing %d Debian packages: %s\n' $# "$*"
    # The lists may be absent (a bare system) or out of date (a version gone from the mirror): then fetch them.
    if apt-cache show "$@" >/dev/null 2>&1 && as_root "${get[@]}" </dev/null; then
        return 0
    fi
    as_root "${apt[@]}" update </dev/null && as_root "${get[@]}" </dev/null
}

explain() {
    local format='  %-24s %-18s %s\n'
    printf 'These are missing; install them, then start again.\n\n'
    # shellcheck disable=SC2059
    printf "$format" Debian Spack conda-forge
    while read -r row; do
        # shellcheck disable=SC2059,SC2086
        printf "$format" $row
    done <<<"$1"
    if on_debian; then
        printf '\nas root: apt-get install --no-install-recommends %s\n' "$2"
    fi
    printf '("-": not packaged there. If all is there under other names, set INFOSTRATA_SKIP_SETUP=1.)\n'
}

main() {
    local kind=${1:-}
    [[ $kind == run || $kind == test || $kind == bench ]] || die "usage: tools/setup.sh run|test|bench"
    [[ ${INFOSTRATA_SKIP_SETUP:-} != 1 ]] || return 0

    local missing=() rows='' list package probe spack conda
    while read -r list package probe spack conda; do
        [[ $list == run || $list == "$kind" ]] || continue
        if ! present "$package" "$probe"; then
            missing+=("$package")
            rows+="$package $spack $conda"$'\n'
        fi
    done <<<"$packages"
    [[ ${#missing[@]} -gt 0 ]] || return 0

    if on_debian && install "${missing[@]}"; then
        return 0
    fi
    explain "${rows%$'\n'}" "${missing[*]}" >&2
    exit 2
}

main "$@"
