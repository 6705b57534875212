#!/usr/bin/python3
"""The k nearest neighbours of all rows: infostrata against FAISS and scikit-learn, on the same data and all cores.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/faiss_ratio.py [--work NAME]... [--rounds 3] [--csv FILE]

The works are the `nearest` ones of `infostrata bench --list`. Each has its data drawn once (normal float32, NumPy), kept as .npy;
everybody answers for all N rows and the same k. In turn, round by round:

    infostrata    one pass, as `mpirun -n CORES infostrata bench --layer data.npy -k K --rounds 3` times it (the median): all of the
                  search, float64 decisions included; not reading the file
    FAISS         `IndexFlatL2.search(x, k)` on all cores; not `index.add`, not the import; three searches (the median), one if it
                  takes longer than 10 s
    scikit-learn  `NearestNeighbors(algorithm="brute", n_jobs=-1).kneighbors()`, once, after the rounds; where N is above 50,000
                  only for the first 20,000 rows (against all N), and the time is scaled to N

FAISS counts the row itself as one of its k (so does scikit-learn where it searches only some rows), infostrata does not; that is
to their advantage. OPENBLAS_* variables are
cleared for all; FAISS and scikit-learn then get the core of OpenBLAS that `infostrata bench` chose for the peak, because Debian's
OpenBLAS may take a new processor for an old one and be ten times slower.

The threads of OpenMP (in FAISS) and of OpenBLAS (in its SGEMM) wait busily for each other on the same cores. With
OMP_WAIT_POLICY=PASSIVE in the environment FAISS was up to a quarter faster here; the variable is left as it is found, and printed.

infostrata verifies a sample of its answers itself and stops if one is wrong. FAISS works in float32 with |x|^2 + |y|^2 - 2xy: of
50 rows its neighbours are compared with a float64 brute force, and the fraction that is not among the true k is printed.

Ratios are of seconds, other / infostrata, of the two runs of a round: median, least and most. Needs python3-faiss and
python3-sklearn (tools/setup.sh bench); run it when nothing else runs. Exit code 1 if a median is below what the project asks for on two cores.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

CORES = len(os.sched_getaffinity(0))
HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = 50
SCIKIT_MOST, SCIKIT_ROWS = 50000, 20000
REQUIRED = {
    "nearest-k10-n50000-d64": 8, "nearest-k10-n50000-d128": 5.5, "nearest-k10-n50000-d512": 3.8,
    "nearest-k10-n20000-d64": 8, "nearest-k10-n20000-d128": 6, "nearest-k10-n20000-d512": 3.8,
    "nearest-k10-n20000-d10": 15, "nearest-k10-n200000-d10": 20, "nearest-k10-n20000-d3072": 1.8,
    "nearest-k100-n50000-d128": 5,
}
COLUMNS = ("work", "n", "d", "k", "cores", "rounds", "infostrata_seconds", "faiss_seconds",
           "faiss_ratio", "faiss_ratio_least", "faiss_ratio_most", "required", "faiss_wrong",
           "sklearn_seconds", "sklearn_rows", "sklearn_ratio", "peak_ratio", "blas_core",
           "omp_wait_policy", "faiss_version", "faiss_options", "sklearn_version", "processor", "commit")


def clean_environment():
    for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO"))]:
        del os.environ[name]
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def wait_policy():
    return os.environ.get("OMP_WAIT_POLICY", "default")


def sizes(work):
    """Of "nearest-k10-n50000-d64": n, d, k."""
    k, n, d = (int(part[1:]) for part in work.split("-")[1:])
    return n, d, k


class Infostrata:
    """The program, run under mpirun on all cores as a user would."""

    def __init__(self, program, folder):
        self.program = os.path.abspath(program)
        self.csv = os.path.join(folder, "bench.csv")
        # Taken before the variables below are set for the others.
        self.environment = dict(os.environ)

    def works(self):
        done = subprocess.run([self.program, "bench", "--list"], check=True, capture_output=True,
                              text=True)
        return [name for name in done.stdout.split() if name.startswith("nearest-")]

    def bench(self, *arguments):
        command = ["mpirun", "--bind-to", "none", "-n", str(CORES), self.program, "bench",
                   "--rounds", "3", "--csv", self.csv, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        with open(self.csv, newline="") as file:
            return next(csv.DictReader(file))


def load_others(core):
    """Import NumPy, FAISS and scikit-learn with OpenBLAS on that core and all threads; make sure of it."""
    os.environ["OPENBLAS_CORETYPE"] = core
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(CORES)
    global np, faiss, sklearn, NearestNeighbors
    import faiss
    import numpy as np
    import sklearn
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_info
    faiss.omp_set_num_threads(CORES)
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if not blas:
        sys.exit("FAISS and NumPy use no OpenBLAS here: install libopenblas0")
    for library in blas:
        if library["architecture"].lower() != core.lower() or library["num_threads"] != CORES:
            sys.exit(f"OpenBLAS did not take core {core} and {CORES} threads: {library}")


def timed(call):
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def search(index, x, k):
    """Seconds of a search, and what it found: both sides' processes have their memory and threads by then."""
    seconds = []
    while not seconds or (len(seconds) < 3 and sum(seconds) < 10):
        took, (_, found) = timed(lambda: index.search(x, k))
        seconds.append(took)
    return statistics.median(seconds), found


def nearest_in_float64(x, row, k):
    """The k nearest rows of one, itself included, by distances summed in float64."""
    distance = np.empty(len(x))
    for first in range(0, len(x), 4096):
        part = x[first:first + 4096].astype(np.float64) - x[row].astype(np.float64)
        distance[first:first + 4096] = np.einsum("ij,ij->i", part, part)
    return np.argsort(distance, kind="stable")[:k]


def fraction_wrong(x, found, k):
    """Of the neighbours of a sample of rows: how many are not among the true k."""
    rows = np.random.default_rng(1).choice(len(x), min(SAMPLE, len(x)), replace=False)
    wrong = sum(k - len(np.intersect1d(found[row], nearest_in_float64(x, row, k))) for row in rows)
    return wrong / (len(rows) * k)


def run_sklearn(x, k):
    """Seconds for all rows, and how many rows were searched."""
    rows = len(x) if len(x) <= SCIKIT_MOST else SCIKIT_ROWS
    index = NearestNeighbors(n_neighbors=k, algorithm="brute", n_jobs=-1).fit(x)
    query = None if rows == len(x) else x[:rows]  # None: all rows, not counting themselves
    seconds, _ = timed(lambda: index.kneighbors(query, return_distance=True))
    return seconds * len(x) / rows, rows


def measure(work, infostrata, folder, rounds, with_sklearn):
    n, d, k = sizes(work)
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    path = os.path.join(folder, "data.npy")
    np.save(path, x)
    index = faiss.IndexFlatL2(d)
    index.add(x)
    index.search(x[:100], k)  # threads start
    ours, theirs = [], []
    for _ in range(rounds):
        row = infostrata.bench("--layer", path, "-k", k)
        ours.append((float(row["seconds"]), float(row["ratio"])))
        seconds, found = search(index, x, k)
        theirs.append(seconds)
    ratios = [other / own[0] for own, other in zip(ours, theirs)]
    record = {
        "work": work, "n": n, "d": d, "k": k, "cores": CORES, "rounds": rounds,
        "infostrata_seconds": statistics.median(own[0] for own in ours),
        "faiss_seconds": statistics.median(theirs),
        "faiss_ratio": statistics.median(ratios),
        "faiss_ratio_least": min(ratios), "faiss_ratio_most": max(ratios),
        "required": REQUIRED.get(work, ""), "faiss_wrong": fraction_wrong(x, found, k),
        "peak_ratio": statistics.median(own[1] for own in ours) if row["valid"] == "yes" else "",
        "blas_core": row["blas_core"], "processor": row["processor"], "commit": row["commit"],
        "faiss_version": faiss.__version__, "faiss_options": faiss.get_compile_options().strip(),
        "sklearn_version": sklearn.__version__, "omp_wait_policy": wait_policy(),
    }
    if with_sklearn:
        seconds, rows = run_sklearn(x, k)
        record.update(sklearn_seconds=seconds, sklearn_rows=rows,
                      sklearn_ratio=seconds / record["infostrata_seconds"])
    return record


def show(record):
    required = f">= {record['required']}" if record["required"] else ""
    line = (f"{record['work']:26} {record['faiss_ratio']:7.2f}  {record['faiss_ratio_least']:7.2f} - "
            f"{record['faiss_ratio_most']:<7.2f} {required:>7} {record['infostrata_seconds']:11.3f} "
            f"{record['faiss_seconds']:9.3f} {record['faiss_wrong']:9.2%}")
    if "sklearn_ratio" in record:
        line += f" {record['sklearn_ratio']:9.2f} {record['sklearn_seconds']:9.3f}"
        line += "" if record["sklearn_rows"] == record["n"] else f" ({record['sklearn_rows']} rows)"
    print(line, flush=True)


def write(path, records):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(HERE, "../../build/release/infostrata"))
    parser.add_argument("--work", action="append", help="nearest-kK-nN-dD, may be given again (default: the table)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", help="write the table to this file")
    parser.add_argument("--no-sklearn", action="store_true", help="FAISS alone")
    arguments = parser.parse_args()
    clean_environment()
    records = []
    with tempfile.TemporaryDirectory() as folder:
        infostrata = Infostrata(arguments.program, folder)
        here = infostrata.bench("-n", 100, "-d", 2, "-k", 1)
        load_others(here["blas_core"])
        print(f"{CORES} cores of {here['processor']}, OpenBLAS core {here['blas_core']}; infostrata "
              f"{here['version']} ({here['commit']}, {here['kernel']}), FAISS {faiss.__version__} "
              f"({faiss.get_compile_options().strip()}), scikit-learn {sklearn.__version__}, OpenMP waits: {wait_policy()}\n")
        print(f"{'':26} {'x FAISS':>7}  {'least - most':17} {'asked':>7} {'infostrata':>11} "
              f"{'FAISS':>9} {'its wrong':>9} {'x sklearn':>9} {'sklearn':>9}", flush=True)
        for work in arguments.work or infostrata.works():
            records.append(measure(work, infostrata, folder, arguments.rounds,
                                   not arguments.no_sklearn))
            show(records[-1])
            if arguments.csv:
                write(arguments.csv, records)
    missed = [record["work"] for record in records
              if record["required"] and record["faiss_ratio"] < record["required"]]
    if missed:
        print("below what is asked for: " + ", ".join(missed))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
