#!/usr/bin/python3
"""Are the imbalance's standard errors right? Many independent data sets; the sd of the value against the errors that it has.

    tests/bench/standard_errors.py PROGRAM [--draws 200] [--seed 1] [--ranks 2] [--method parts|rows]

`parts`: models E (rho 0.9), D (two columns, lambda 10) and independent layers of 5 columns, N = 5,000, k = 1 and 30: the sd of the value
within a third of the mean error. `rows`: two layers of d = 1, 10, 64 columns with correlation 0.9 in each, N = 800, k = 1 and 10: the mean
error within 0.95 to 1.5 of the sd. Both, N = 2,000: layers of 5 columns, correlated and not, and four classes of the first two. Prints a table
for docs/measures/imbalance.md, with the errors' own scatter (sd / mean); exit code 1 where a case is outside. Takes a few minutes of CPU;
the sd of 200 draws is itself uncertain by 5 %, so the limits are checked with a margin of 1 / sqrt(2 draws).
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

import numpy as np


def normal_pair(rng, draws, n, d, rho):
    x = rng.standard_normal((draws, n, d), dtype=np.float32)
    return x, np.float32(rho) * x + np.float32(np.sqrt(1 - rho * rho)) * rng.standard_normal((draws, n, d), dtype=np.float32)


def models():
    """(name, columns, correlation (None: the target is a label), N, list of k, method)"""
    yield from ((name, d, rho, 5000, (1, 30), "parts") for name, d, rho in
                (("E, rho 0.9", 1, 0.9), ("D, d = 2, lambda 10", 2, np.sqrt(10 / 11)), ("independent, d = 5", 5, 0.0)))
    yield from ((f"rho 0.9, d = {d}", d, 0.9, 800, (1, 10), "rows") for d in (1, 10, 64))
    yield from ((name, 5, rho, 2000, (1, 10), method) for method in ("parts", "rows") for name, rho in
                (("rho 0.9, d = 5", 0.9), ("independent, d = 5", 0.0), ("d = 5, four classes", None)))


def results(program, ranks, folder, name, draws, ks, method, labels):
    """{k: (values, errors)} of x -> y."""
    job = os.path.join(folder, "job.yaml")
    with open(job, "w", encoding="utf-8") as file:
        file.write(f"version: 1\nname: {name}\ngrid: {{draw: {{from: 0, to: {draws - 1}}}}}\n"
                   'input:\n  layers: {x: "x.npy[{draw}, :, :]"'
                   + ('}\n  labels: {y: "y.npy[{draw}, :]"}\n' if labels else ', y: "y.npy[{draw}, :, :]"}\n')
                   + f"measures:\n  - imbalance: {{k: [{', '.join(map(str, ks))}], se: {method}{', target: y' if labels else ''}}}\n")
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), program, "run", job, "--quiet"]
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    subprocess.run(command, check=True, env=environment)
    found = {k: ([], []) for k in ks}
    with open(os.path.join(folder, "results", name, "results.csv"), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["source"] == "x":
                found[int(row["k"])][0].append(float(row["value"]))
                found[int(row["k"])][1].append(float(row["std_error"]))
    return found


def is_right(method, true, error, draws):
    margin = (2 * draws) ** -0.5
    if method == "parts":
        return 2 / 3 - margin <= true / error <= 4 / 3 + margin
    return 0.95 - margin <= error / true <= 1.5 + margin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--method", choices=("parts", "rows"), help="its cases alone")
    options = parser.parse_args()
    rng, wrong = np.random.default_rng(options.seed), 0
    print("| layers | N | k | Delta | true sd | `se` | mean error | error / sd | its scatter | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    asked = [model for model in models() if options.method in (None, model[-1])]
    for at, (name, d, rho, n, ks, method) in enumerate(asked):
        with tempfile.TemporaryDirectory(prefix="standard errors ") as folder:
            x, y = normal_pair(rng, options.draws, n, d, rho or 0.0)
            if rho is None:
                y = (x[..., 0] > 0) + 2 * (x[..., 1] > 0)
            np.save(os.path.join(folder, "x.npy"), x)
            np.save(os.path.join(folder, "y.npy"), y)
            found = results(os.path.abspath(options.program), options.ranks, folder, f"case{at}", options.draws, ks, method,
                            rho is None)
        for k, (values, errors) in found.items():
            true, error = np.std(values, ddof=1), np.mean(errors)
            right = is_right(method, true, error, options.draws)
            wrong += not right
            print(f"| {name} | {n} | {k} | {np.mean(values):.4f} | {true:.5f} | `{method}` | {error:.5f} | {error / true:.2f} | "
                  f"{np.std(errors, ddof=1) / error:.2f} | "
                  f"{'' if right else 'outside'} |", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
