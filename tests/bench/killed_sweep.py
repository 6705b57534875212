#!/usr/bin/python3
"""A sweep of 2,000 cells, some tiny, some large, that is killed ten times and finished: its results are those of an undisturbed run.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/killed_sweep.py [--program build/release/infostrata] [--cells 2000] [--kills 10] [--report FILE]

Each cell has four layers and labels; every 400th has 12,000 samples, the others 600. Kills come when about as many tasks are done
since the last start as leaves room for the others, at seeded moments: mpirun, one rank, or all of them by SIGKILL, or a stop by
SIGUSR1, SIGTERM or `infostrata stop`. Each start has one to three ranks. What `status` says just before a kill, and after it, the
end of run.log with the closing table, and the comparison go to the report. Exit code 1 if one byte of results.csv differs.
Needs python3-h5py. Minutes, not seconds.
"""
import argparse
import glob
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO_"))]:
    del os.environ[name]

import h5py  # noqa: E402
import numpy as np  # noqa: E402

SMALL, LARGE, EVERY, LAYERS, D = 600, 12000, 400, 4, 24

MANIFEST = """version: 1
grid: {{cell: {{from: 0, to: {last}}}}}
input:
  file: "cells/{{cell}}.h5"
  layers: [{layers}]
  labels: [y]
measures:
  - imbalance: {{se: none}}
  - mi-ross: {{target: y}}
"""


def write_input(folder, cells):
    rng = np.random.default_rng(1)
    os.mkdir(os.path.join(folder, "cells"))
    for cell in range(cells):
        n = LARGE if cell % EVERY == EVERY // 2 else SMALL
        with h5py.File(os.path.join(folder, "cells", f"{cell}.h5"), "w") as file:
            x = rng.standard_normal((n, D), dtype=np.float32)
            for layer in range(LAYERS):
                file[f"layers/h{layer}"] = x
                x = np.tanh(x @ rng.standard_normal((D, D), dtype=np.float32) / np.float32(D ** 0.5))
            file["labels/y"] = rng.integers(0, 5, n)
    with open(os.path.join(folder, "job.yaml"), "w") as job:
        job.write(MANIFEST.format(last=cells - 1, layers=", ".join(f"h{i}" for i in range(LAYERS))))


def start(program, ranks, folder, output):
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), program, "run",
               os.path.join(folder, "job.yaml"), "--output", output, "--quiet", "--checkpoint-minutes", "0.25"]
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, start_new_session=True)


def tasks_done(output):
    done = 0
    for name in glob.glob(os.path.join(output, "journal*.jsonl")):
        with open(name, "rb") as journal:
            done += journal.read().count(b'"kind":"task"')
    return done


def ranks_of(process, program):
    listed = subprocess.run(["ps", "-o", "pid=,args=", "-g", str(process.pid)], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if line.split()[1] == program]


def end(process, how, program, output, rng):
    ranks = ranks_of(process, program)
    if how == "rank killed" and ranks:
        os.kill(rng.choice(ranks), signal.SIGKILL)
    elif how == "all killed":
        for pid in [*ranks, process.pid]:
            os.kill(pid, signal.SIGKILL)
    elif how == "SIGTERM":
        process.terminate()
    elif how == "SIGUSR1":
        process.send_signal(signal.SIGUSR1)
    elif how == "infostrata stop":
        subprocess.run([program, "stop", output], check=True, stdout=subprocess.DEVNULL)
    else:
        process.kill()
    process.communicate()
    for _ in range(200):  # ranks of a killed mpirun die by themselves
        if not any(os.path.exists(f"/proc/{pid}") for pid in ranks):
            return process.returncode
        time.sleep(0.05)
    return process.returncode


def status(program, output):
    said = subprocess.run([program, "status", output], capture_output=True, text=True)
    return said.stdout + said.stderr


def sweep(program, folder, output, kills, total, rng, report):
    ways = ["mpirun killed", "rank killed", "all killed", "SIGTERM", "SIGUSR1", "infostrata stop"]
    for kill in range(1, kills + 1):
        ranks, how = rng.randint(1, 3), ways[(kill - 1) % len(ways)]
        wanted = max(total * (kill - rng.random()) / (kills + 1), tasks_done(output) + rng.randint(1, 40))
        process = start(program, ranks, folder, output)
        while process.poll() is None and tasks_done(output) < wanted:
            time.sleep(0.05)
        if process.poll() is not None:
            sys.exit(f"start {kill} ended by itself with {process.returncode}\n{process.stderr.read().decode()}")
        before = status(program, output)
        code = end(process, how, program, output, rng)
        report(f"== start {kill}, {ranks} ranks: {how}, code {code}; {tasks_done(output)} of {total} tasks in the journal\n"
               f"-- status before\n{before}-- status after\n{status(program, output)}")
    process = start(program, 2, folder, output)
    process.communicate()
    report(f"== start {kills + 1}, 2 ranks: code {process.returncode}\n{status(program, output)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/infostrata")
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--report", default="/dev/stdout")
    options = parser.parse_args()
    program, rng = os.path.abspath(options.program), random.Random(7)
    with tempfile.TemporaryDirectory() as folder, open(options.report, "w") as page:
        def report(text):
            page.write(text.rstrip("\n") + "\n\n")
            page.flush()
        write_input(folder, options.cells)
        killed, whole = os.path.join(folder, "killed"), os.path.join(folder, "whole")
        total = options.cells * LAYERS * LAYERS
        began = time.perf_counter()
        sweep(program, folder, killed, options.kills, total, rng, report)
        took = time.perf_counter() - began
        undisturbed = start(program, 2, folder, whole)
        undisturbed.communicate()
        texts = [open(os.path.join(output, "results.csv"), "rb").read() for output in (killed, whole)]
        with open(os.path.join(killed, "run.log")) as log:
            report("== run.log of the killed sweep\n" + log.read())
        with open(os.path.join(whole, "run.log")) as log:
            report("== end of run.log of the undisturbed one\n" + "".join(log.readlines()[-12:]))
        same = texts[0] == texts[1] and texts[0].count(b"\n") == total + 1
        report(f"== {options.cells} cells, {total} tasks, killed {options.kills} times, {took:.0f} s in all: results.csv has "
               f"{texts[0].count(bytes([10])) - 1} rows and is {'the same, byte for byte' if same else 'NOT the same'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
