#!/usr/bin/python3
"""A sweep of many small cells: how much of the ranks' time is computation, and what a cell costs beside it.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/small_cells.py [--program build/release/infostrata] [--cells 1000] [--ranks 2]

Each cell has four layers of N = 2,000 normals, d = 64, and imbalances of all their pairs. The table that closes run.log says how
long each rank read, visited pairs, completed tasks and waited. `overhead` is what is left of the ranks' time from the first pass to
the last, in milliseconds a cell: sharing out the work, journals, the sum over ranks. The start of MPI and the views are told apart.
Results of one cell are compared with NumPy's before anything is printed. Needs python3-h5py; run it when nothing else runs.
Exit code 1 unless at least 90 % of the time is computation and the overhead at most 1.5 ms a cell.
"""
import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time

for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO_"))]:
    del os.environ[name]

import h5py  # noqa: E402
import numpy as np  # noqa: E402

N, D, LAYERS = 2000, 64, 4

MANIFEST = """version: 1
grid: {{cell: {{from: 0, to: {last}}}}}
input:
  file: cells.h5
  layers: {{{layers}}}
measures: [imbalance: {{se: none}}]
"""


def write_input(folder, cells):
    rng = np.random.default_rng(1)
    with h5py.File(os.path.join(folder, "cells.h5"), "w") as file:
        for layer in range(LAYERS):
            data = file.create_dataset(f"h{layer}", (cells, N, D), dtype="f4")
            for cell in range(cells):
                data[cell] = rng.standard_normal((N, D), dtype=np.float32)
    layers = ", ".join(f'h{i}: "/h{i}[{{cell:position}}, :, :]"' for i in range(LAYERS))
    with open(os.path.join(folder, "job.yaml"), "w") as job:
        job.write(MANIFEST.format(last=cells - 1, layers=layers))


def distances(x):
    x = x.astype(np.float64)
    d = ((x[:, None, :] - x[None, :, :]) ** 2).sum(-1) if len(x) <= 500 else None
    if d is None:
        d = np.stack([((x - row) ** 2).sum(1) for row in x])
    np.fill_diagonal(d, np.inf)
    return d


def check_one(folder, results):
    """The first cell's h0 -> h1, with continuous data: no ties."""
    with h5py.File(os.path.join(folder, "cells.h5")) as file:
        a, b = distances(file["h0"][0]), distances(file["h1"][0])
    nearest = a.argmin(1)
    rank = 1 + (b < b[np.arange(N), nearest][:, None]).sum(1)
    expected = 2 * rank.sum() / N / N
    with open(results) as rows:
        row = next(r for r in csv.DictReader(rows) if r["cell"] == "0" and r["source"] == "h0" and r["target"] == "h1")
    if abs(float(row["value"]) - expected) > 1e-12:
        sys.exit(f"h0 -> h1 of cell 0 is {row['value']}, not {expected}")


def run(program, ranks, folder):
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), program, "run",
               os.path.join(folder, "job.yaml"), "--output", os.path.join(folder, "out"), "--quiet"]
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    start = time.perf_counter()
    subprocess.run(command, check=True, env=env)
    return time.perf_counter() - start


def closing_table(log):
    """Mean seconds of a rank, by phase, and the seconds of the log at which work began and ended."""
    means, began, ended = {}, None, None
    with open(log) as lines:
        for line in lines:
            seconds = float(line.split()[1])
            if "tasks to do" in line:
                began = seconds
            match = re.match(r"\S+ +\S+   (\w[\w ]*\w) +([0-9.]+) +([0-9.]+) +([0-9.]+) ", line)
            if match:
                means[match[1]] = float(match[3])
                ended = ended or seconds
    return means, ended - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/release/infostrata")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--ranks", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_input(folder, options.cells)
        whole = run(os.path.abspath(options.program), options.ranks, folder)
        check_one(folder, os.path.join(folder, "out", "results.csv"))
        means, seconds = closing_table(os.path.join(folder, "out", "run.log"))
    phases = ["reading", "neighbours", "counts", "tasks"]
    computing = sum(means[p] for p in phases)
    overhead = 1000 * (seconds - computing) * options.ranks / options.cells
    print(f"{options.cells} cells on {options.ranks} ranks: {whole:.1f} s, of which {seconds:.1f} s of work")
    print("mean of a rank: " + ", ".join(f"{p} {means[p]:.2f} s" for p in phases + ["waiting"]))
    print(f"computation {100 * computing / seconds:.1f} % of the ranks' time; overhead {overhead:.2f} ms a cell")
    return 0 if computing >= 0.9 * seconds and overhead <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
