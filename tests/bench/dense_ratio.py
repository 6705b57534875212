#!/usr/bin/python3
"""The dense room against SciPy and the engine's own float32 pass: answers compared, then ratios of seconds.

    cmake --preset strict && cmake --build build/strict --target dense_work
    /usr/bin/python3 tests/bench/dense_ratio.py [--tool build/strict/tests/dense_work] [--rounds 3] [--small]

Four works, ranks = cores, SciPy and NumPy with as many threads, rounds in turn, the best of each counts:
  eigenvalues  of a Gaussian kernel, N = 6,000, against scipy.linalg.eigvalsh               asked: 1.8
  columns      means, centring and A'B, N = 100,000, d = 512, against the float64 GEMM     asked: 1.3
  pair         means, centring, A'A, B'B and A'B of the same shape, against these three products   asked: 1.3
  moments      alpha = 2, N = 50,000, d = 64 and 512, against the float32 pass for 10 neighbours    asked: 2.5
Beside the ratio of seconds that of processor seconds, which other work on the machine disturbs less (ranks that wait spin,
and count). Run it when nothing else runs.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = len(os.sched_getaffinity(0))


def widest_core():
    """What `infostrata run` asks of OpenBLAS."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return "SkylakeX" if "avx512f" in flags else "Haswell" if "avx2" in flags else None


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def reference(work, layer, out):
    """In a process of its own: what SciPy or NumPy finds, and its seconds."""
    import scipy.linalg
    x = np.load(layer).astype(np.float64)
    if work == "eigenvalues":
        squares = (x * x).sum(1)
        kernel = np.exp(-np.maximum(0, squares[:, None] + squares - 2 * x @ x.T) / 2)
        answer, wall, cpu = timed(lambda: scipy.linalg.eigvalsh(kernel, overwrite_a=True, check_finite=False))
    else:
        x -= x.mean(0)
        other = x.copy()  # x.T @ x would be half a product
        answer, wall, cpu = timed(lambda: x.T @ other if work == "columns" else (x.T @ x, other.T @ other, x.T @ other)[2])
    answer.tofile(out)
    print(f"{work} {wall:.4f} {cpu:.4f}")


def seconds(line):
    """{part: (seconds, processor seconds)} of what a program prints."""
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return {name: (float(wall), float(cpu)) for name, wall, cpu in map(str.split, done.stdout.splitlines())}


def exact_moments(layer):
    """The sums of K and K^2 over a sample of rows against all: an estimate good to about 1 %."""
    x = np.load(layer).astype(np.float64)
    some = x[:: max(1, len(x) // 400)]
    squares = (some * some).sum(1)[:, None] + (x * x).sum(1) - 2 * some @ x.T
    kernel = np.exp(-np.maximum(0, squares) / (2 * x.shape[1]))
    return np.array([kernel.sum(), (kernel ** 2).sum()]) * len(x) / len(some)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=os.path.join(HERE, "../../build/strict/tests/dense_work"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=CORES)
    parser.add_argument("--small", action="store_true", help="a third of the rows: is all as it should be?")
    parser.add_argument("--reference", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=("eigenvalues", "columns", "pair", "moments"))
    options = parser.parse_args()
    if options.reference:
        return reference(*options.reference)
    core = widest_core()
    os.environ.pop("OPENBLAS_CORETYPE", None)
    if core:
        os.environ["OPENBLAS_CORETYPE"] = core  # for both: that of Debian 12 does not know newer processors
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                      OPENBLAS_NUM_THREADS=str(options.ranks))
    works = [("eigenvalues", 6000, 20, 1.8), ("columns", 100_000, 512, 1.3), ("pair", 100_000, 512, 1.3), ("moments", 50_000, 64, 2.5),
             ("moments", 50_000, 512, 2.5)]
    print("| work | N | d | seconds | reference | ratio | processor seconds | asked |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        layer, ours, theirs = (os.path.join(folder, name) for name in ("layer.npy", "ours", "theirs"))
        for work, rows, features, asked in works:
            if options.only not in (None, work):
                continue
            rows //= 3 if options.small else 1
            np.save(layer, np.random.default_rng(1).standard_normal((rows, features)).astype(np.float32))
            best = {}
            for _ in range(options.rounds):
                parts = seconds(["mpirun", "--bind-to", "none", "-n", str(options.ranks), options.tool, work, layer, ours])
                if work == "moments":
                    parts["reference"] = parts["nearest"]
                else:
                    parts["reference"] = seconds([sys.executable, __file__, "--reference", work, layer, theirs])[work]
                for name, pair in parts.items():
                    best[name] = tuple(map(min, best.get(name, pair), pair))
            found = np.fromfile(ours)
            expected = exact_moments(layer) if work == "moments" else np.fromfile(theirs)
            error = np.abs(found - expected).max() / np.abs(expected).max()
            if error > (0.05 if work == "moments" else 1e-10):
                sys.exit(f"{work}: the answers differ by {error:.1e}, relative to the largest")
            mine, other = best[work], best["reference"]
            print(f"| {work} | {rows:,} | {features} | {mine[0]:.2f} | {other[0]:.2f} | {mine[0] / other[0]:.2f} "
                  f"| {mine[1] / other[1]:.2f} | {asked} |", flush=True)


if __name__ == "__main__":
    main()
