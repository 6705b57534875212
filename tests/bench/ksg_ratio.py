#!/usr/bin/python3
"""mi-ksg of two layers of 64 features: infostrata against a KSG of NumPy and scikit-learn on the same cores.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/ksg_ratio.py [--program build/release/infostrata] [--rows 20000] [--rounds 3]

float32 data (the second layer a noisy linear image of the first), type 1, k = 3, Euclidean marginals, scale rms, no standard error.

`plain` is the KSG that one writes with scikit-learn and NumPy: pairwise_distances of each layer, all cores, N x N; np.maximum of both;
its k-th by np.partition; two sums of comparisons. 13 GB at N = 20,000. It is run --plain-rounds times (default 1; 0: not at all).

Three others are tuned by hand, and never hold N x N: blocks of rows against all rows, squared distances as |x|^2 + |y|^2 - 2xy in
float64, otherwise the same:

    gemm          BLAS on all cores, the rest of NumPy on one, as NumPy does by itself
    threads       a block in each of as many threads as there are cores, BLAS on one core in each
    blocks        the distances by sklearn.metrics.pairwise.euclidean_distances, otherwise as gemm

`parts` is a KSG of scikit-learn's own parts, as its mutual_info_regression puts them together for single columns (it takes no layers):
NearestNeighbors(metric="chebyshev") on the columns of both side by side, all cores; KDTree(metric="chebyshev").query_radius(count_only) in each
layer, one core. It is another number, the largest difference of a column instead of Euclidean distances, and is held against
infostrata with `metric: chebyshev, scale: none`. It takes minutes and is run --parts-rounds times (default 1; 0: not at all).

Before anything is timed each of them is compared with tests/python/brute.py at --check-rows. At full size infostrata and all of
them must agree within 1e-9 (relative; the data have no ties), or nothing is printed but the values.

The time of infostrata is that of the whole command (mpirun, reading, results); beside it stands that of the passes, from
timings.csv; and that of `--version` under the same mpirun, which starts and ends the ranks and does nothing. In turn, round by round; medians. Ratios are of the others over infostrata's whole command, of which theirs have no start, no imports and no reading.
Exit code 1 if it is less than 20 times as fast as `plain` or `parts`.
OPENBLAS_* variables are cleared; NumPy then gets the core of OpenBLAS that `infostrata bench` chose, because Debian's
OpenBLAS may take a new processor for an old one. Run it when nothing else runs.
"""
import argparse
import csv
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

CORES = len(os.sched_getaffinity(0))
HERE = os.path.dirname(os.path.abspath(__file__))
REQUIRED = 20
AGREE = 1e-9
BLOCK = 256  # rows; of 64, 128, 256 and 512 the fastest here

MANIFEST = """version: 1
input:
  layers: {a: a.npy, b: b.npy}
measures:
  - mi-ksg: {pairs: [[a, b]], k: %d, type: 1, metric: %s, scale: %s, se: none}
output: results
"""


def clean_environment():
    for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO", "OMP_NUM_THREADS"))]:
        del os.environ[name]
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def command(program, ranks, *arguments):
    return ["mpirun", "--bind-to", "none", "-n", str(ranks), program, *map(str, arguments)]


def executed(line, environment):
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def first_row(path):
    with open(path, newline="", encoding="utf-8") as file:
        return next(csv.DictReader(file))


def blas_core(program, folder, environment):
    table = os.path.join(folder, "bench.csv")
    executed(command(program, 1, "bench", "-n", 100, "-d", 2, "-k", 1, "--rounds", 1, "--csv", table), environment)
    return first_row(table)["blas_core"]


def load(core):
    """Import NumPy and the others with that core of OpenBLAS and a thread for each core; make sure of it."""
    os.environ["OPENBLAS_CORETYPE"] = core
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(CORES)
    sys.path.insert(0, os.path.join(HERE, "..", "python"))
    global np, digamma, brute, threadpool_limits, ThreadPoolExecutor, euclidean_distances, pairwise_distances, KDTree, NearestNeighbors
    from concurrent.futures import ThreadPoolExecutor
    import brute
    import numpy as np
    from scipy.special import digamma
    from sklearn.metrics.pairwise import euclidean_distances, pairwise_distances
    from sklearn.neighbors import KDTree, NearestNeighbors
    from threadpoolctl import threadpool_info, threadpool_limits
    for library in threadpool_info():
        if library["user_api"] == "blas" and (library["architecture"].lower() != core.lower() or library["num_threads"] != CORES):
            sys.exit(f"OpenBLAS did not take core {core} and {CORES} threads: {library}")


def make_data(rows, columns):
    rng = np.random.default_rng(1)
    a = rng.standard_normal((rows, columns))
    b = a @ rng.standard_normal((columns, columns)) / math.sqrt(columns) + rng.standard_normal((rows, columns))
    return a.astype(np.float32), b.astype(np.float32)


# ---- the other side ----

def prepared(x):
    """float64, scaled so that the mean squared pair distance is 1."""
    x = x.astype(np.float64)
    x -= x.mean(axis=0)
    x *= math.sqrt((len(x) - 1) / (2 * np.einsum("ij,ij->", x, x)))
    return x, np.einsum("ij,ij->i", x, x)


def by_gemm(x, norms, first, last):
    square = x[first:last] @ x.T
    square *= -2
    square += norms[first:last, None]
    square += norms
    return square


def by_sklearn(x, norms, first, last):
    return euclidean_distances(x[first:last], x, X_norm_squared=norms[first:last, None], Y_norm_squared=norms[:, None], squared=True)


def block_sum(spaces, distances, k, first, last):
    rows = np.arange(last - first)
    dx, dy = (distances(*space, first, last) for space in spaces)
    for square in (dx, dy):
        square[rows, rows + first] = np.inf
    joint = np.maximum(dx, dy)
    joint.partition(k - 1, axis=1)
    eps = joint[:, k - 1:k]
    nx, ny = np.count_nonzero(dx < eps, axis=1), np.count_nonzero(dy < eps, axis=1)
    return (digamma(nx + 1) + digamma(ny + 1)).sum()


def plain_ksg(a, b, k):
    dx, dy = (pairwise_distances(prepared(x)[0], n_jobs=CORES) for x in (a, b))
    for distance in (dx, dy):
        np.fill_diagonal(distance, np.inf)
    eps = np.partition(np.maximum(dx, dy), k - 1, axis=1)[:, k - 1:k]
    nx, ny = (dx < eps).sum(axis=1), (dy < eps).sum(axis=1)
    return digamma(k) + digamma(len(a)) - (digamma(nx + 1) + digamma(ny + 1)).mean()


def ksg(a, b, k, way):
    if way == "plain":
        return plain_ksg(a, b, k)
    n = len(a)
    spaces = prepared(a), prepared(b)
    distances = by_sklearn if way == "blocks" else by_gemm
    ends = [(first, min(n, first + BLOCK)) for first in range(0, n, BLOCK)]
    if way == "threads":
        with threadpool_limits(1), ThreadPoolExecutor(CORES) as pool:
            total = sum(pool.map(lambda end: block_sum(spaces, distances, k, *end), ends))
    else:
        total = sum(block_sum(spaces, distances, k, *end) for end in ends)
    return digamma(k) + digamma(n) - total / n


WAYS = ("plain", "gemm", "threads", "blocks")


def ksg_of_parts(a, b, k):
    """sklearn.feature_selection's _compute_mi_cc with layers for columns, and without its noise and rescaling."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    nearest = NearestNeighbors(metric="chebyshev", n_neighbors=k, n_jobs=CORES).fit(np.hstack((a, b)))
    radius = np.nextafter(nearest.kneighbors()[0][:, -1], 0)
    counts = [KDTree(x, metric="chebyshev").query_radius(x, radius, count_only=True, return_distance=False) for x in (a, b)]
    return digamma(len(a)) + digamma(k) - sum(digamma(count).mean() for count in counts)


# ---- infostrata ----

def run_infostrata(program, folder, ranks, environment, k, metric="euclidean", scale="rms"):
    with open(os.path.join(folder, "job.yaml"), "w", encoding="utf-8") as file:
        file.write(MANIFEST % (k, metric, scale))
    output = os.path.join(folder, "results")
    subprocess.run(["rm", "-rf", output], check=True)
    line = command(program, ranks, "run", os.path.join(folder, "job.yaml"), "--quiet")
    start = time.perf_counter()
    executed(line, environment)
    seconds = time.perf_counter() - start
    row = first_row(os.path.join(output, "results.csv"))
    if row["status"] != "ok":
        sys.exit(f"mi-ksg failed: {row['detail']}")
    with open(os.path.join(output, "timings.csv"), newline="", encoding="utf-8") as file:
        passes = sum(float(line["seconds"]) for line in csv.DictReader(file))
    return seconds, passes, float(row["value"])


def start_seconds(program, ranks, environment):
    start = time.perf_counter()
    executed(command(program, ranks, "--version"), environment)
    return time.perf_counter() - start


def compare_parts(program, folder, options, environment, data, small):
    expected = brute.mi_ksg(*small, k=options.k, metric="chebyshev", scale="none")
    found = ksg_of_parts(*small, options.k)
    if not close(found, expected):
        sys.exit(f"scikit-learn's parts: {found!r}, the brute force: {expected!r}")
    ratios = []
    for _ in range(options.parts_rounds):
        ours, passes, value = run_infostrata(program, folder, options.ranks, environment, options.k, "chebyshev", "none")
        start = time.perf_counter()
        theirs = ksg_of_parts(*data, options.k)
        seconds = time.perf_counter() - start
        if not close(value, theirs):
            sys.exit(f"chebyshev: infostrata {value!r}, scikit-learn's parts {theirs!r}")
        print(f"chebyshev, {value:.15g} nats: scikit-learn's own parts {seconds:.3f} s, infostrata {ours:.3f} s "
              f"(passes {passes:.3f} s): {seconds / ours:.1f} times", flush=True)
        ratios.append(seconds / ours)
    return ratios


def close(one, other):
    return abs(one - other) <= AGREE * max(abs(one), abs(other))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(HERE, "../../build/release/infostrata"))
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("-k", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=CORES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain-rounds", type=int, default=1, help="of N x N distances (13 GB at N = 20,000); 0: without")
    parser.add_argument("--parts-rounds", type=int, default=1, help="of scikit-learn's own parts (chebyshev); 0: without")
    parser.add_argument("--check-rows", type=int, default=1500)
    parser.add_argument("--only-others", action="store_true", help="without infostrata's mi-ksg: to try the script")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    clean_environment()
    environment = dict(os.environ)  # infostrata's own, before the others' variables are set
    with tempfile.TemporaryDirectory() as folder:
        core = blas_core(program, folder, environment)
        load(core)
        small = make_data(options.check_rows, options.columns)
        expected = brute.mi_ksg(*small, k=options.k)
        for way in WAYS:
            found = ksg(*small, options.k, way)
            if not close(found, expected):
                sys.exit(f"{way}: {found!r}, the brute force: {expected!r} at N = {options.check_rows}")
        a, b = make_data(options.rows, options.columns)
        np.save(os.path.join(folder, "a.npy"), a)
        np.save(os.path.join(folder, "b.npy"), b)
        starts = [] if options.only_others else [start_seconds(program, options.ranks, environment) for _ in range(options.rounds)]
        whole, passes, parts, theirs, values = [], [], [], {way: [] for way in WAYS}, {}
        for at in range(options.rounds):
            if not options.only_others:
                seconds, inside, values["infostrata"] = run_infostrata(program, folder, options.ranks, environment, options.k)
                whole.append(seconds)
                passes.append(inside)
            for way in WAYS[at >= options.plain_rounds:]:
                start = time.perf_counter()
                values[way] = ksg(a, b, options.k, way)
                theirs[way].append(time.perf_counter() - start)
        if options.parts_rounds > 0 and not options.only_others:
            parts = compare_parts(program, folder, options, environment, (a, b), small)
    print(f"N = {options.rows:,}, two layers of {options.columns}, k = {options.k}, type 1; {CORES} cores, OpenBLAS core {core}, "
          f"NumPy {np.__version__}")
    for name, value in values.items():
        print(f"{name:13} {value:.15g} nats")
    reference = next(iter(values.values()))
    if not all(close(value, reference) for value in values.values()):
        sys.exit("they do not agree")
    medians = {way: statistics.median(times) for way, times in theirs.items() if times}
    for way in medians:
        against = "" if options.only_others else f"{medians[way] / statistics.median(whole):7.1f} times"
        print(f"{way:13} {medians[way]:9.3f} s {against}   " + " ".join(f"{s:.3f}" for s in theirs[way]))
    if options.only_others:
        return
    if parts:
        print(f"{'parts':13} {statistics.median(parts):9.1f} times: a KSG of scikit-learn's own parts, above")
    print(f"required of plain and parts: at least {REQUIRED} times")
    ours, fastest = statistics.median(whole), min(medians, key=medians.get)
    required = [statistics.median(parts)] if parts else []
    required += [medians["plain"] / ours] if "plain" in medians else []
    print(f"{'infostrata':13} {ours:9.3f} s   " + " ".join(f"{s:.3f}" for s in whole))
    print(f"{'  its passes':13} {statistics.median(passes):9.3f} s   " + " ".join(f"{s:.3f}" for s in passes))
    print(f"{'  mpirun alone':13} {statistics.median(starts):8.3f} s   " + " ".join(f"{s:.3f}" for s in starts))
    ratio = medians[fastest] / ours
    print(f"{ratio:.1f} times as fast as {fastest}, the fastest NumPy ({medians[fastest] / statistics.median(passes):.1f} by the passes alone)")
    sys.exit(any(ratio < REQUIRED for ratio in required))


if __name__ == "__main__":
    main()
