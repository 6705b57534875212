#!/usr/bin/python3
"""One imbalance in both directions: infostrata against full neighbour tables and ranks in NumPy and scikit-learn.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/sklearn_imbalance.py [--program build/release/infostrata] [--repeat 3]

N = 10,000 normals, d = 128 against 64 (a noisy linear image of the first), k = 1, float32. The other side does what DADApy does:
two `kneighbors` of all N (a sorted N x N table each) and a rank look-up; it may use all cores, BLAS threads included. The time
of infostrata is that of the whole command: mpirun, reading, both directions, results. Rank sums must be equal, or nothing is
printed. Best of the repetitions on both sides. Needs python3-sklearn and python3-h5py; run it when nothing else runs.
Exit code 1 if the ratio is not above 20.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time

CORES = len(os.sched_getaffinity(0))
for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO_"))]:
    del os.environ[name]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(CORES)

import h5py  # noqa: E402  (threads are set first)
import numpy as np  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402

REQUIRED = 20

MANIFEST = """version: 1
input: {file: bench.h5}
measures:
  - imbalance: {se: none}
"""


def make_data(n, d, e):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(n, d))
    b = a @ rng.normal(size=(d, e)) / np.sqrt(d) + rng.normal(size=(n, e))
    return a.astype(np.float32), b.astype(np.float32)


def neighbour_table(x):
    """Row i: all samples by distance from i, i itself first."""
    n = len(x)
    table = NearestNeighbors(n_neighbors=n, n_jobs=-1).fit(x).kneighbors(x, return_distance=True)[1]
    return table


def rank_sum(table_a, table_b):
    """Sum over i of the rank, in b, of i's first neighbour in a."""
    n = len(table_a)
    rank = np.empty(n, dtype=np.int64)
    total = 0
    for i in range(n):
        rank[table_b[i]] = np.arange(n)
        total += rank[table_a[i, 1]]
    return int(total)


def run_sklearn(a, b):
    start = time.perf_counter()
    table_a, table_b = neighbour_table(a), neighbour_table(b)
    sums = rank_sum(table_a, table_b), rank_sum(table_b, table_a)
    return time.perf_counter() - start, sums


def run_infostrata(program, folder, ranks):
    output = os.path.join(folder, "out")
    subprocess.run(["rm", "-rf", output], check=True)
    command = ["mpirun", "-n", str(ranks), program, "run", "job.yaml", "--output", output, "--quiet"]
    env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        del env[name]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, check=True)
    seconds = time.perf_counter() - start
    with open(os.path.join(output, "results.csv"), newline="") as file:
        rows = {(row["source"], row["target"]): row["detail"] for row in csv.DictReader(file)}
    sums = tuple(int(dict(part.split("=") for part in rows[pair].split(";"))["rank_sum"])
                 for pair in (("a", "b"), ("b", "a")))
    return seconds, sums


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--program", default=os.path.join(here, "../../build/release/infostrata"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=CORES)
    parser.add_argument("-n", type=int, default=10000)
    parser.add_argument("-d", type=int, nargs=2, default=(128, 64))
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    a, b = make_data(arguments.n, *arguments.d)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(os.path.join(folder, "bench.h5"), "w") as file:
            file["/layers/a"], file["/layers/b"] = a, b
        with open(os.path.join(folder, "job.yaml"), "w") as file:
            file.write(MANIFEST)
        for _ in range(arguments.repeat):
            seconds, sums = run_infostrata(program, folder, arguments.ranks)
            ours.append(seconds)
            seconds, expected = run_sklearn(a, b)
            theirs.append(seconds)
            if sums != expected:
                sys.exit(f"rank sums differ: infostrata {sums}, scikit-learn {expected}")
    ratio = min(theirs) / min(ours)
    print(f"N = {arguments.n}, d = {arguments.d[0]} against {arguments.d[1]}, both directions, {CORES} cores, rank sums {sums}")
    print("infostrata   " + " ".join(f"{s:8.3f} s" for s in ours))
    print("scikit-learn " + " ".join(f"{s:8.3f} s" for s in theirs))
    print(f"ratio {ratio:.1f} (best of each; required: above {REQUIRED})")
    sys.exit(ratio <= REQUIRED)


if __name__ == "__main__":
    main()
