#!/usr/bin/python3
"""k-d trees against tiles, for layers of 1 to 3 features: seconds of a pass by `infostrata bench`.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/tree_ratio.py [--program build/release/infostrata] [--rows 20000 200000] [--rounds 3]

Normal float32 rows. Three passes: the 10 nearest; counts below 1 and below 64 thresholds a row, the distances to rows drawn
at random: the hardest case of a tree, as thresholds are spread over all neighbour ranks. Three ways: --tree=always,
tiles all of which are visited, tiles with --skipping=always (the order's seconds are not in it); and what `auto` took.
`infostrata bench` compares rows of each with a plain float64 loop before it prints a number. Passes that the tiles would
take too long for are left out: --most-pairs. Run it when nothing else runs.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = len(os.sched_getaffinity(0))
WAYS = {"tree": ["--tree=always"], "tiles": [], "skipping": ["--skipping=always"], "auto": ["--tree=auto"]}
WORKS = {"k = 10": ["-k", "10"], "T = 1": ["-t", "1"], "T = 64": ["-t", "64"]}


def bench(options, folder, arguments):
    table = os.path.join(folder, "bench.csv")
    line = ["mpirun", "--bind-to", "none", "-n", str(options.ranks), os.path.abspath(options.program), "bench",
            "--rounds", str(options.rounds), "--csv", table, *arguments]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    with open(table, newline="", encoding="utf-8") as file:
        return next(csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(HERE, "../../build/release/infostrata"))
    parser.add_argument("--rows", type=int, nargs="+", default=[20000, 200000])
    parser.add_argument("--features", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=CORES)
    parser.add_argument("--most-pairs", type=float, default=1e11, help="thresholds (at least 1) times ordered pairs, for tiles and 64 thresholds")
    options = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    print(f"| N | d | pass | {' | '.join(WAYS)} | auto took | distances a row |")
    print("| --- | --- | --- |" + " --- |" * (len(WAYS) + 2))
    with tempfile.TemporaryDirectory() as folder:
        for rows in options.rows:
            for features in options.features:
                for work in options.works:
                    thresholds = int(work[4:]) if work.startswith("T") else 1
                    too_long = thresholds * rows * rows > options.most_pairs
                    cells, took, distances = [], "", ""
                    for way, setting in WAYS.items():
                        if too_long and not (way == "tree" and features == 1):
                            cells.append("-")
                            continue
                        row = bench(options, folder, ["-n", str(rows), "-d", str(features), *WORKS[work], *setting])
                        cells.append(f"{float(row['seconds']):.3f}")
                        if way == "tree":
                            distances = f"{int(row['compared']) / rows:.0f}"
                        if way == "auto":
                            took = "tree" if int(row["compared"]) else "tiles"
                    print(f"| {rows:,} | {features} | {work} | {' | '.join(cells)} | {took} | {distances} |", flush=True)


if __name__ == "__main__":
    main()
