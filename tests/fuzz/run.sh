#!/bin/bash
# tests/fuzz/run.sh: libFuzzer on the readers of what others write: manifest, .npy, journal.
#
#   tests/fuzz/run.sh [--seconds S] [--build DIR] [TARGET...]     S seconds a target (default 2); all targets
#
# Each starts from good examples, those of tests/manifests among them, and from what earlier runs found (DIR/corpus). A
# crash, a leak, a sanitizer's report, a broken promise (abort in fuzz_*.c), 10 s or 1 GiB for one input: the input is kept in
# DIR, its name is printed, the exit code is 1. `DIR/fuzz_manifest FILE` shows it again. 77: there is no libFuzzer here.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)

build=$root/build/fuzz seconds=2 targets=()
while (($#)); do
    case $1 in
    --seconds) seconds=${2:?} && shift ;;
    --build) build=$(realpath -m "${2:?}") && shift ;;
    manifest | npy | journal) targets+=("$1") ;;
    *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
    esac
    shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=(manifest npy journal)
mkdir -p "$build"/{objects,corpus,seeds,found}

compiler=''
for candidate in ${CLANG:-} clang clang-14 clang-15 clang-16; do
    if printf 'int LLVMFuzzerTestOneInput(const char*d,unsigned long n);int LLVMFuzzerTestOneInput(const char*d,unsigned long n){return d==0&&n>9;}' |
        "$candidate" -x c - -fsanitize=fuzzer,address -o "$build/probe" 2>/dev/null; then
        compiler=$candidate
        break
    fi
done
[[ -n $compiler ]] || { printf 'no clang with libFuzzer\n' && exit 77; }

flags=(-O1 -g -std=c11 -D_GNU_SOURCE '-DIST_VERSION="fuzz"' '-DIST_GIT="fuzz"' -I"$root/include" -Wno-unknown-warning-option
    "-fsanitize=address,undefined" -fno-sanitize-recover=all)
read -ra found < <(pkg-config --cflags hdf5-openmpi 2>/dev/null || pkg-config --cflags hdf5-mpi 2>/dev/null || true)
flags+=("${found[@]}")

# ---- what the readers are made of, compiled once ----
compile() { # SOURCE
    local object=${1#"$root"/src/}
    object=$build/objects/${object//\//-}.o
    [[ $object -nt $1 ]] || "$compiler" -c "${flags[@]}" "-fsanitize=fuzzer-no-link" "$1" -o "$object"
}
sources=("$root"/src/{base,manifest,measures}/*.c "$root"/src/plan/index.c
    "$root"/src/results/{appender,journal,json,line,outcome,status,store}.c "$root"/src/data/{npy,npy_header,type,view,message}.c)
newest=$(find "$root/include" "$root/src" -name '*.[hd]*' -newer "$build/library.a" -print -quit 2>/dev/null || true)
[[ -z $newest ]] || rm -f "$build"/objects/*.o
for source in "${sources[@]}"; do
    [[ $source == *_mpi.c || $source == *_hdf5.c ]] && continue
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || exit 1; done
    compile "$source" &
done
for job in $(jobs -p); do wait "$job"; done
rm -f "$build/library.a"
ar rcs "$build/library.a" "$build"/objects/*.o
# No estimator is ever called: what measures want of other rooms is replaced by a trap, so that those need not be built.
link() { # TARGET OBJECT...
    "$compiler" "${flags[@]}" "-fsanitize=fuzzer" "$root/tests/fuzz/fuzz_$1.c" "${@:2}" "$build/library.a" -lyaml -lxxhash -lm \
        -o "$build/fuzz_$1"
}
for target in "${targets[@]}"; do
    link "$target" 2>"$build/link.log" && continue
    sed -nE "s/.*undefined reference to \`(\w+)'.*/void \1(void); void \1(void) { __builtin_trap(); }/p" "$build/link.log" |
        sort -u >"$build/traps.c"
    "$compiler" -c "$build/traps.c" -o "$build/traps.o"
    link "$target" "$build/traps.o"
done

# ---- good examples ----
rm -rf "$build"/seeds/*
mkdir -p "$build"/seeds/{manifest,npy,journal} "$build"/corpus/{manifest,npy,journal}
cp --backup=numbered "$root"/tests/manifests/*/*.yaml "$root"/jobs/*.yaml "$root"/jobs/*/*.yaml "$build/seeds/manifest"
npy() { # NAME INDEX DICTIONARY BYTES: version 1, padded to 64
    local header
    header=$(printf "%-117s" "$3")
    {
        printf '%s\n\x93NUMPY\x01\x00\x76\x00%s\n' "$2" "$header"
        head -c "$4" /dev/zero
    } >"$build/seeds/npy/$1"
}
npy plain '' "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 4), }" 96
npy fortran '[:, 1]' "{'descr': '>f8', 'fortran_order': True, 'shape': (5, 3, 2), }" 240
npy integers ':, -1' "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 3), }" 21
cp "$root/tests/fuzz/journal.seed" "$build/seeds/journal/lines"

# ---- a run each ----
status=0
for target in "${targets[@]}"; do
    printf '== %s, %s s\n' "$target" "$seconds"
    dictionary=()
    [[ ! -e $root/tests/fuzz/$target.dict ]] || dictionary=(-dict="$root/tests/fuzz/$target.dict")
    "$build/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/found/$target-" "${dictionary[@]}" "$build/corpus/$target" "$build/seeds/$target" \
        >"$build/$target.log" 2>&1 || {
        status=1
        tail -60 "$build/$target.log"
    }
    grep -E 'number_of_executed_units|cov:' "$build/$target.log" | tail -2
done
rm -rf /dev/shm/ist-fuzz-*
exit $status
