#!/usr/bin/python3
"""What data that the float32 filter cannot tell apart cost, relative to normal float32 data of the same size.

    tests/bench/adversarial.py PROGRAM [--ranks P] [--rows N] [--columns D] [--rounds R] [--only KIND ...]

Each kind is measured in turn with normal data by `infostrata bench --layer`: pass 1 (k = 10) and pass 2 (one
threshold a row). Prints a Markdown table: median ratios of the seconds, and decided_again per unordered pair.
Normal data are told apart by integer copies where the processor has the instructions for them, in half the time; the measure is
their float32 pass, that of the kernel without (`avx512-skylake` for `avx512`). The first line of the table says what integers make of it.
"""
import argparse
import csv
import os
import statistics
import subprocess
import tempfile

import numpy as np


def kinds(n, d):
    rng = np.random.default_rng(1)
    normal = rng.standard_normal((n, d))
    row = np.arange(n)
    one_hot = np.zeros((n, d))
    one_hot[row, row % d] = 0.1
    zero_rows = np.where(row[:, None] % 10 < 3, 0, normal)
    dominated = normal.copy()
    dominated[:, 0] *= 1e4
    outlier = normal.copy()
    outlier[3] *= 1e7
    centres = rng.standard_normal((20, d))
    return {
        "normal": np.random.default_rng(0).standard_normal((n, d)).astype("f4"),
        "normal, float64": normal,
        "normal + 10^5": (1e5 + normal).astype("f4"),
        "normal + 10^5, float64": 1e5 + normal,
        "20 clusters, relative spread 10^-7": (centres[row % 20] * (1 + 1e-7 * normal)).astype("f4"),
        "20 clusters, relative spread 10^-7, float64": centres[row % 20] * (1 + 1e-7 * normal),
        "lattice 0 1 2": np.floor(3 * rng.random((n, d))).astype("f4"),
        "int8": rng.integers(-128, 128, (n, d)).astype("f4"),
        "all rows equal": np.full((n, d), 0.1, "f4"),
        "30 % zero rows": zero_rows.astype("f4"),
        "30 % zero rows, float64": zero_rows,
        "10 distinct rows": normal[row % 10].astype("f4"),
        "10 distinct rows, float64": normal[row % 10],
        "one-hot times 0.1": one_hot.astype("f4"),
        "denormals": (1e-40 * normal).astype("f4"),
        "one dimension dominating": dominated.astype("f4"),
        "one outlier": outlier.astype("f4"),
    }


WITHOUT_INTEGERS = {"avx512": "avx512-skylake"}


def best_kernel(options):
    """The kernel that the program takes by itself."""
    path = os.path.join(tempfile.gettempdir(), f"kernel-{os.getpid()}.csv")
    subprocess.run([options.program, "bench", "-n", "100", "-d", "2", "-k", "1", "--rounds", "1", "--csv", path],
                   check=True, capture_output=True)
    with open(path) as file:
        kernel = next(csv.DictReader(file))["kernel"]
    os.remove(path)
    return kernel


def seconds(options, path, work):
    table = path + ".csv"
    command = [] if options.ranks == 1 else ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(options.ranks)]
    command += [options.program, "bench", "--layer", path, "--rounds", "1", "--csv", table] + work
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    with open(table) as file:
        line = next(csv.DictReader(file))
    return float(line["seconds"]), float(line["decided_again"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="kinds whose name contains one of these")
    options = parser.parse_args()
    works = [["-k", "10"], ["-t", "1"]]
    kernel = best_kernel(options)
    float32 = ["--kernel", WITHOUT_INTEGERS.get(kernel, kernel)]
    pairs = options.rows * (options.rows - 1) / 2
    print("| data | pass 1 | decided again | pass 2 | decided again |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.npy")
        np.save(plain, np.random.default_rng(0).standard_normal((options.rows, options.columns)).astype("f4"))
        for name, values in kinds(options.rows, options.columns).items():
            if options.only and not any(part in name for part in options.only):
                continue
            path = os.path.join(folder, "kind.npy")
            np.save(path, values)
            cells = [name]
            for work in works:
                ratios = []
                for _ in range(options.rounds):
                    base, _ = seconds(options, plain, work + float32)
                    spent, decided = seconds(options, path, work)
                    ratios.append(spent / base)
                cells += [f"{statistics.median(ratios):.2f}", f"{100 * decided / pairs:.2g} %"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
