#!/bin/bash
# jobs/quickstart.sh: from a fresh clone to figures. Installs what is missing, builds infostrata, trains 96 small
# networks on Fashion-MNIST, measures the Information Imbalance between their layers on all cores, draws what came out.
#
# A second start continues where the first one stopped: trained networks and finished tasks are kept.
set -euo pipefail

usage() {
    cat <<'END'
usage: jobs/quickstart.sh [--small] [--output DIR] [--ranks N] [--program FILE]

  --small         two widths, one seed, fewer images: a minute, to see that all works
  --output DIR    results and figures (default: results/quickstart in the checkout); the activations, 1.1 GB,
                  go to DIR-data
  --ranks N       processes for training and for mpirun (default: the machine's cores)
  --program FILE  an infostrata that is built already
END
}

die() {
    printf 'quickstart: %s\n' "$*" >&2
    exit 2
}

# The physical cores that this process may use: a second rank on the same core only slows the first.
count_cores() {
    local allowed physical
    allowed=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    physical=$(lscpu -p=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l) || physical=0
    if ((physical > 0 && physical < allowed)); then
        printf '%s\n' "$physical"
    else
        printf '%s\n' "$allowed"
    fi
}

# The first Python that has what the trainer and the figures need; the one on the PATH may not.
find_python() {
    local candidate
    for candidate in "${INFOSTRATA_PYTHON:-}" python3 /usr/bin/python3; do
        if [[ -n $candidate ]] && "$candidate" -c 'import h5py, matplotlib, numpy, pandas, torch' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die 'no Python with h5py, matplotlib, numpy, pandas and torch; name one in INFOSTRATA_PYTHON'
}

stage() {
    printf '\n== %s  [%d:%02d]\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

quickstart() {
    "$python" -m infostrata_analysis.quickstart "$@"
}

next_step() {
    cat <<'END'

Next, your own arrays (README.md has more; from PyTorch: export(model, loader, layers=[...], file=...)).
In Python, N x d each, row i the same sample in both:

numpy.save("a.npy", a); numpy.save("b.npy", b)

and in the shell:

cat > mine.yaml <<'YAML'
version: 1
input: {layers: {a: a.npy, b: b.npy}}
measures:
  - imbalance: {pairs: [[a, b]], k: 1}
output: results-mine
YAML
END
    printf '%q run mine.yaml\n' "$program"
}

small='' output='' ranks='' program=''
while (($#)); do
    case $1 in
    --small) small=--small ;;
    --output | --ranks | --program)
        (($# > 1)) || die "$1 needs a value"
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    *)
        usage >&2
        die "unknown argument '$1'"
        ;;
    esac
    shift
done

ranks=${ranks:-$(count_cores)}
[[ $ranks =~ ^[1-9][0-9]*$ ]] || die "--ranks $ranks: a positive number is needed"
[[ -z $program || -x $program ]] || die "--program $program: no such program"

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
checkout=''
[[ ! -e $root/CMakeLists.txt ]] || checkout=yes
# An installed copy cannot build, and its own folder is no place for results.
home=$root
if [[ -z $checkout ]]; then
    home=$PWD
    program=${program:-$root/../../bin/infostrata}
fi
default=$home/results/quickstart${small:+-small}
output=$(realpath -m -- "${output:-$default}")
data=$output-data
program=${program:+$(realpath -- "$program")}
cd -- "$root"

if [[ -n $checkout ]]; then
    stage 'packages'
    tools/setup.sh run
fi

# A variable that names another processor's kernels can halve the speed of training.
unset OPENBLAS_CORETYPE
if [[ $(id -u) == 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export PYTHONPATH=$root/analysis${PYTHONPATH:+:$PYTHONPATH}
python=$(find_python)

if [[ -z $program ]]; then
    stage 'building'
    cmake --preset release >/dev/null
    cmake --build --preset release
    program=$root/build/release/infostrata
fi

stage "training on $ranks core(s); activations go to $data"
quickstart train --data "$data" --workers "$ranks" $small

manifest=$root/jobs/quickstart/quickstart.yaml
if [[ -n $small || $output != "$root/results/quickstart" ]]; then
    manifest=$(quickstart manifest --data "$data" --template "$manifest")
fi

stage "measuring with $ranks rank(s); results go to $output"
status=0
# No binding: another program on these cores would otherwise share one with a rank while the next stands idle.
mpirun -n "$ranks" --bind-to none "$program" run "$manifest" --output "$output" || status=$?
# 4: finished, with failed tasks in the results; the figures show the rest.
((status == 0 || status == 4)) || exit "$status"

stage 'figures'
quickstart report --results "$output"
printf '\nAll of it in one page, with the paper'"'"'s findings beside it:\n  '
"$python" -m infostrata_analysis report "$output"
next_step
stage 'done'
exit "$status"
