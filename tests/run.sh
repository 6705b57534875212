#!/bin/bash
# tests/run.sh: installs what the tests need (tools/setup.sh), builds, runs everything. Exit code 0 if all of it passed.
#
#   tests/run.sh                all steps
#   tests/run.sh --only STEP    this step and the builds it needs (may be repeated)
#   tests/run.sh --list         the steps
#   tests/run.sh --verbose      show each step's output as it comes, not only where it failed
#   tests/run.sh --build DIR    build there instead of in build/
#
# A failing step does not stop the others. Each step's output stays in DIR/logs. The last line sums up the tests of all
# steps; a check that is not made of tests (format, a build, ...) counts as one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
root=$PWD

steps=(packages build sanitizers install format tidy rooms shell
    unit unit-sanitized ranks ranks-sanitized program faults program-sanitized fuzz python quickstart slurm)
build=$root/build
only=()
verbose=false
while [[ $# -gt 0 ]]; do
    case $1 in
    --only) only+=("${2:?--only needs a step}") && shift ;;
    --build) build=$(realpath -m "${2:?--build needs a folder}") && shift ;;
    --list) printf '%s\n' "${steps[@]}" && exit 0 ;;
    --verbose) verbose=true ;;
    --help) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" && exit 0 ;;
    *) printf 'tests/run.sh: no option %s (--help)\n' "$1" >&2 && exit 2 ;;
    esac
    shift
done
for step in "${only[@]}"; do
    [[ " ${steps[*]} " == *" $step "* ]] || { printf 'tests/run.sh: no step %s (--list)\n' "$step" >&2 && exit 2; }
done

# ---- the environment: the same whoever starts this, from wherever ----
exec </dev/null
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=Agg
for name in ${!OPENBLAS_@} ${!GOTO_@} ${!CRITERION_@}; do unset "$name"; done
if [[ $(id -u) == 0 ]]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
# All ranks are on this host: looking for a network of messages takes a third of each start of MPI.
export OMPI_MCA_pml=${OMPI_MCA_pml-ob1}
# A machine that cannot resolve its own name (a bare chroot) would make every mpirun wait five seconds for a name server.
if ! grep -qsw "$(uname -n)" /etc/hosts; then export RES_OPTIONS='timeout:1 attempts:1'; fi

scratch=$(mktemp -d /tmp/ist.XXXXXX)
chmod 755 "$scratch" # some tests become another user
leave() {
    rm -rf "$scratch"
    if [[ -n ${mounted:-} ]]; then umount -l /proc; fi
}
trap leave EXIT
trap 'exit 130' INT TERM
# Nothing here works without /proc: not Criterion, not MPI, not bash's own <(...).
if [[ ! -e /proc/self/fd ]]; then
    if [[ $(id -u) == 0 ]] && mount -t proc proc /proc 2>/dev/null; then
        mounted=yes
    else
        printf 'tests/run.sh: /proc is not mounted\n' >&2
        exit 2
    fi
fi
export TMPDIR=$scratch
mkdir -p "$build/logs"

cores=$(nproc)
# A start of MPI waits more than it works: one test more than there are cores.
at_once=$((cores + 1))
passed=0 failed=0 skipped=0 # of the step at hand
declare -A built

limit() { # SECONDS COMMAND...: nothing runs for ever
    timeout --kill-after=10 "$@"
    local code=$?
    if [[ $code == 124 || $code == 137 ]]; then printf 'ended after %s s: %s\n' "$1" "${*:2}"; fi
    return $code
}

check() { # COMMAND...: counts as one test
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

preset() { # NAME: configure and build, once a run
    if [[ -z ${built[$1]:-} ]]; then
        built[$1]=no
        cmake --preset "$1" -B "$build/$1" && cmake --build "$build/$1" -j "$cores" -- -k 0 --quiet && built[$1]=yes
    fi
    [[ ${built[$1]} == yes ]] || { printf 'the %s build failed\n' "$1" && return 1; }
}

# One attribute of the first <testsuites> of Criterion's XML.
attribute() {
    grep -m1 -o '<testsuites [^>]*' "$2" | grep -o " $1=\"[0-9]*\"" | tr -dc 0-9
}

criterion() { # PRESET PROGRAM SECONDS [OPTION...]: the tests of one program
    local program=$build/$1/tests/$2 seconds=$3 report=$build/logs/$1-$2.xml code
    preset "$1" || { failed=$((failed + 1)) && return; }
    rm -f "$report"
    limit "$seconds" "$program" -j"$at_once" --color=never --xml="$report" "${@:4}"
    code=$?
    if [[ ! -s $report ]]; then
        printf '%s ended with %d and reported nothing\n' "$2" $code
        failed=$((failed + 1))
        return
    fi
    local all broken off
    all=$(attribute tests "$report") off=$(attribute disabled "$report")
    broken=$(($(attribute failures "$report") + $(attribute errors "$report")))
    passed=$((passed + all - broken - off)) failed=$((failed + broken)) skipped=$((skipped + off))
    if [[ $((all - off)) == 0 ]]; then
        printf '%s ran no tests\n' "$2"
        failed=$((failed + 1))
    elif [[ $code != 0 && $broken == 0 ]]; then
        printf '%s ended with %d though no test failed\n' "$2" $code
        failed=$((failed + 1))
    fi
}

# ---- the steps ----

step_packages() { check tools/setup.sh test; }
step_build() { check preset strict; }
step_sanitizers() { check preset sanitizers; }
step_format() { check tools/check-format.sh; }
step_rooms() {
    check tools/check-rooms.sh
    check tools/check-faults.sh
}

step_tidy() {
    preset strict >/dev/null
    check limit 900 tools/check-tidy.sh "$build/strict"
}

step_shell() {
    local scripts
    mapfile -t scripts < <(grep -rlIE '^#!.*\b(ba)?sh$' .ci jobs tests tools 2>/dev/null)
    check shellcheck --severity=warning "${scripts[@]}"
}

step_install() {
    check install_whole
}

install_whole() {
    local to=$scratch/install version missing=0
    preset strict || return 1
    cmake --install "$build/strict" --prefix "$to" >/dev/null || return 1
    for file in bin/infostrata share/man/man1/infostrata.1 share/doc/infostrata/README.md \
        share/infostrata/jobs/quickstart.sh share/infostrata/analysis/infostrata_analysis/__init__.py; do
        [[ -e $to/$file ]] || { printf 'not installed: %s\n' "$file" && missing=1; }
    done
    version=$("$to/bin/infostrata" --version) || return 1
    printf '%s\n' "$version"
    for name in '^infostrata' 'MPI' 'HDF5' 'BLAS'; do
        grep -q "$name" <<<"$version" || { printf -- '--version does not name %s\n' "$name" && missing=1; }
    done
    return $missing
}

step_unit() { criterion strict unit_tests 600; }
step_ranks() { criterion strict rank_tests 900; }
step_program() { criterion strict program_tests 1200; }
step_faults() { criterion strict fault_tests 900; }

# Criterion does not see how its workers end, nor mpirun's ranks, so leaks are read from the sanitizer's own reports.
# Only a trace through our code counts: Criterion and Open MPI lose a few bytes of their own.
sanitized() { # PROGRAM SECONDS DETECT_LEAKS [OPTION...]
    local reports=$scratch/reports-$1 ours=()
    mkdir -p "$reports"
    ASAN_OPTIONS=log_path=$reports/asan:detect_leaks=$3 LSAN_OPTIONS=exitcode=0 UBSAN_OPTIONS=print_stacktrace=1 \
        criterion sanitizers "$1" "$2" "${@:4}"
    mapfile -t ours < <(grep -rlE "$root/(src|include|tests)/" "$reports")
    [[ ${#ours[@]} -gt 0 ]] || return
    cat "${ours[@]}"
    printf '%d reports of the address or leak sanitizer\n' ${#ours[@]}
    [[ $failed -gt 0 ]] || failed=1
}

step_unit-sanitized() { sanitized unit_tests 900 1; }
step_ranks-sanitized() { IST_RANKS=3 sanitized rank_tests 900 0; }
# Without what is about time: benchmarks, and runs that are killed, whose sanitizers cannot report.
step_program-sanitized() { sanitized program_tests 1500 0 --filter '!(bench/*|identity/*killed*|groups/killed)'; }

# Two seconds for each reader of what others write; tests/fuzz/run.sh --seconds 600 goes deeper.
step_fuzz() {
    limit 300 tests/fuzz/run.sh --seconds 2 --build "$build/fuzz"
    case $? in
    0) passed=1 ;;
    77) skipped=1 ;;
    *) failed=1 ;;
    esac
}

python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} /usr/bin/python3 python3; do
        if "$candidate" -c 'import h5py, torch, pandas' 2>/dev/null; then printf '%s\n' "$candidate" && return; fi
    done
    return 1
}

step_python() {
    local interpreter log=$scratch/python.log code ran broken off
    interpreter=$(python) || { echo 'no Python has h5py, torch and pandas' && failed=1 && return; }
    preset strict >/dev/null || { failed=1 && return; }
    INFOSTRATA=$build/strict/infostrata PYTHONPATH=$root/analysis limit 600 \
        "$interpreter" -m unittest discover -s tests/python -t tests/python -v 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    ran=$(sed -nE 's/^Ran ([0-9]+) tests?.*/\1/p' "$log" | tail -1)
    broken=$(tail -3 "$log" | grep -oE '(failures|errors|unexpected successes)=[0-9]+' | cut -d= -f2 | paste -sd+ | sed 's/^$/0/')
    off=$(tail -3 "$log" | grep -oE 'skipped=[0-9]+' | cut -d= -f2)
    failed=$((${broken:-0})) skipped=$((${off:-0}))
    passed=$((${ran:-0} - failed - skipped))
    if [[ $((passed + failed)) == 0 || ($code != 0 && $failed == 0) ]]; then
        printf 'ended with %d after %s tests\n' "$code" "${ran:-no}"
        failed=$((failed + 1))
    fi
}

# Lines of tests/slurm/suite.sh; where no cluster can be made, that counts as one that was skipped.
step_slurm() {
    local log=$scratch/slurm.log code interpreter
    preset strict >/dev/null || { failed=1 && return; }
    interpreter=$(python) || { echo 'no Python has numpy' && failed=1 && return; }
    limit 600 env -u OMPI_MCA_pml tests/slurm/cluster.sh tests/slurm/suite.sh "$build/strict/infostrata" "$interpreter" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    if [[ $code == 77 ]]; then
        skipped=1
        return
    fi
    passed=$(grep -c '^ok ' "$log") failed=$(grep -c '^FAILED ' "$log")
    if [[ $((passed + failed)) == 0 || ($code != 0 && $failed == 0) ]]; then
        printf 'ended with %d after %d tests\n' "$code" "$passed"
        failed=$((failed + 1))
    fi
}

step_quickstart() { check quickstart_whole; }

quickstart_whole() {
    local to=$scratch/quickstart missing=0
    limit 900 jobs/quickstart.sh --small --output "$to" || return 1
    for kind in results.csv '*.png'; do
        [[ -n $(find "$to" -name "$kind" -size +0) ]] || { printf 'no %s in its output\n' "$kind" && missing=1; }
    done
    return $missing
}

# ---- run them ----

total=(0 0 0)
broken=()
run() { # STEP
    local log=$build/logs/$1.log begin=$EPOCHREALTIME seconds verdict=ok
    passed=0 failed=0 skipped=0
    printf '== %-18s' "$1"
    if $verbose; then
        printf '\n'
        # A pipe would make a subshell of the step, and its counts would be lost.
        "step_$1" > >(tee "$log") 2>&1
        wait $! 2>/dev/null
    else
        "step_$1" >"$log" 2>&1
    fi
    seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begin }")
    if [[ $failed -gt 0 ]]; then verdict=FAILED && broken+=("$1"); fi
    printf ' %-6s %6s s   %d passed, %d failed, %d skipped\n' $verdict "$seconds" $passed $failed $skipped
    if [[ $failed -gt 0 ]] && ! $verbose; then
        printf -- '-- the end of %s\n' "$log"
        tail -n 150 "$log" | sed 's/^/   /'
        printf -- '--\n'
    fi
    total=($((total[0] + passed)) $((total[1] + failed)) $((total[2] + skipped)))
}

start=$SECONDS
for step in "${steps[@]}"; do
    if [[ ${#only[@]} == 0 || " ${only[*]} " == *" $step "* ]]; then run "$step"; fi
done
[[ ${#broken[@]} == 0 ]] || printf 'failed: %s\n' "${broken[*]}"
printf 'in %d s\n' $((SECONDS - start))
printf '%d passed, %d failed, %d skipped\n' "${total[@]}"
[[ ${total[1]} == 0 && ${total[0]} -gt 0 ]]
