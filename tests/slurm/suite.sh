#!/bin/bash
# tests/slurm/suite.sh PROGRAM PYTHON: what docs/hpc.md promises, on the cluster of cluster.sh. Jobs are the scripts that
# `infostrata sbatch` prints. A line a test: "ok NAME" or "FAILED NAME: why".
set -uo pipefail
program=$1 python=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/slurm.XXXXXX")
chmod 755 "$work"
cd "$work" || exit 2
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Hosts of the cluster have more cores than the machine.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1

failed=0
verdict() { # NAME [WHY-NOT]
    if [[ -z ${2:-} ]]; then
        printf 'ok %s\n' "$1"
        return
    fi
    printf 'FAILED %s: %s\n' "$1" "$2"
    failed=$((failed + 1))
    tail -n 25 "$1".log "$1"/run*.log 2>/dev/null
    if [[ -s $1.id ]]; then scontrol -o show job "$(cat "$1.id")"; fi
}

# ---- jobs ----

# Sixty cells. How slow they are is in the file `NAME.options`, read at each start: the reference kernel until what is to
# happen has happened, then the fast one. Results are the same.
"$python" - <<'PYTHON'
import numpy
for cell in range(60):
    draw = numpy.random.default_rng(cell)
    a = draw.normal(size=(5000, 16)).astype("f4")
    numpy.save(f"a{cell}.npy", a)
    numpy.save(f"b{cell}.npy", a[:, :8] + draw.normal(size=(5000, 8)).astype("f4"))
PYTHON
cat >job.yaml <<'YAML'
version: 1
grid: {seed: {from: 0, to: 59}}
input: {layers: {a: "a{seed}.npy", b: "b{seed}.npy"}}
measures: [imbalance: {k: [1, 5]}]
output: whole
YAML
"$program" run job.yaml --quiet || exit 2

slow() { echo '--kernel reference' >"$1.options"; }
fast() { : >"$1.options"; }

submit() { # NAME OPTION...: with the options of `infostrata sbatch`, then -- and those of sbatch
    local name=$1 ours=() id
    shift
    while [[ $# -gt 0 && $1 != -- ]]; do ours+=("$1") && shift; done
    "$program" sbatch job.yaml --output "$name" --ranks 2 "${ours[@]}" |
        sed "s| run \"\$manifest\"| run \"\$manifest\" \$(cat $work/$name.options)|" >"$name.sh"
    id=$(sbatch --parsable -J "$name" -o "$name.log" "${@:2}" "$name.sh") || return 1
    echo "$id" >"$name.id"
}

field() { # NAME FIELD: of the job as Slurm shows it
    scontrol -o show job "$(cat "$1.id")" 2>/dev/null | grep -o " $2=[^ ]*" | head -1 | cut -d= -f2
}

tasks() { cat "$1"/journal*.jsonl 2>/dev/null | grep -c '"kind":"task"'; }

# ---- waiting ----

within() { # SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [[ $SECONDS -lt $end ]] || return 1
        sleep 0.3
    done
}
works() { [[ $(tasks "$1") -gt ${2:-0} ]]; }
state_is() { [[ $(field "$1" JobState) == "$2" ]]; }
ended() { [[ $(field "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL)$ ]]; }
restarted() { [[ $(field "$1" Restarts) -ge ${2:-1} ]]; }
# A requeued job may start two minutes later; here after some seconds. Not at once: within the second in which it ended, slurmd
# takes the new start for the old one ("already killed, do not launch batch job") and the job fails with code 1 and no word.
hurry() {
    local queued
    queued=$(date -d "$(field "$1" SubmitTime)" +%s) && [[ $(date +%s) -ge $((queued + 3)) ]] &&
        scontrol update JobId="$(cat "$1.id")" StartTime=now 2>/dev/null
}
done_at_last() {
    hurry "$1"
    state_is "$1" COMPLETED
}

finished() { # NAME: the job is completed and its results are those of the undisturbed run
    within 90 done_at_last "$1" || { echo "not completed: $(field "$1" JobState)" && return; }
    [[ $(field "$1" ExitCode) == 0:0 ]] || echo "exit code $(field "$1" ExitCode)"
    cmp "$1/results.csv" whole/results.csv 2>&1
}

again() { # NAME: the same script once more, until it is finished
    fast "$1"
    echo "$(sbatch --parsable -o "$1.log" --open-mode=append "$1.sh")" >"$1.id"
    finished "$1"
}

# ---- tests ----

# Slurm warns before the limit, up to a minute earlier than it was told to; the script passes it on, the run stops with 75, the script has itself queued again.
time_limit_begin() {
    slow time_limit
    submit time_limit -- --time=2 --signal=B:USR1@45 -w n1
}
time_limit_end() {
    within 150 restarted time_limit || { echo 'it was not queued again' && return; }
    fast time_limit
    grep -q 'stopped by SIGUSR1' time_limit/run.log || echo 'the log does not name SIGUSR1'
    finished time_limit
}

cancelled() {
    slow cancelled
    submit cancelled --nodes 2
    within 60 works cancelled || { echo 'no task was done' && return; }
    scancel "$(cat cancelled.id)"
    within 30 state_is cancelled CANCELLED || { echo "$(field cancelled JobState)" && return; }
    within 20 eval '! "$program" stop cancelled >/dev/null 2>&1'
    again cancelled
}

killed_rank() {
    slow killed_rank
    submit killed_rank --nodes 2
    within 60 works killed_rank || { echo 'no task was done' && return; }
    pkill -KILL -n -f "^$program run .*--output $work/killed_rank\$" || echo 'no rank was found'
    within 30 ended killed_rank || { echo 'it goes on without the rank' && return; }
    [[ $(field killed_rank ExitCode) == 137:0 ]] || echo "exit code $(field killed_rank ExitCode)"
    again killed_rank
}

# `infostrata stop` ends the job: it is not queued again.
wish() {
    slow wish
    submit wish
    within 60 works wish || { echo 'no task was done' && return; }
    "$program" stop wish >/dev/null || echo 'stop failed'
    within 30 ended wish || { echo 'it does not end' && return; }
    [[ $(field wish ExitCode) == 75:0 && $(field wish Restarts) == 0 ]] ||
        echo "exit code $(field wish ExitCode), $(field wish Restarts) restarts"
    "$program" status wish | grep -q 'stopped by infostrata stop' || echo 'status does not say so'
}

array() {
    fast array
    submit array --array 3
    within 90 eval '[[ -z $(squeue -h -j "$(cat array.id)" 2>/dev/null) ]]' || { echo 'it does not end' && return; }
    [[ ! -e array/results.csv ]] || echo 'a share wrote results'
    "$program" status array | grep -q '^together: 240 of 240 tasks done' || echo 'not all tasks are done'
    "$program" collect job.yaml --output array >/dev/null && cmp array/results.csv whole/results.csv 2>&1
}

pmix() {
    # One host: those of this cluster share /tmp, where PMIx keeps a folder for each of them.
    srun --mpi=pmix -N 1 -n 2 "$program" run job.yaml --output pmix --quiet >pmix.log 2>&1 || echo "ended with $?"
    cmp pmix/results.csv whole/results.csv 2>&1
    srun --mpi=none -n 2 "$program" run job.yaml --output pmix >pmix.log 2>&1 && echo 'two separate copies were started'
    grep -q 'started as one rank in a Slurm allocation of 2 tasks' pmix.log || echo 'they are not told'
}

# The cable of a host is pulled: MPI notices nothing, Slurm does, and starts the job again elsewhere.
lost_node() {
    slow lost_node
    submit lost_node --nodes 2
    within 60 works lost_node || { echo 'no task was done' && return; }
    ip link set link-n2 down
    within 90 restarted lost_node || echo 'it was not queued again'
    ip link set link-n2 up
    fast lost_node
    finished lost_node
}

run() { verdict "$1" "$(${2:-$1} 2>&1 | paste -sd';')"; }

time_limit_begin
for test in array cancelled killed_rank wish pmix; do run "$test"; done
run time_limit time_limit_end
run lost_node
exit $((failed > 0))
