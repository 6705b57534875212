#!/usr/bin/python3
"""Is what a row's `calibration` says of 1 nat what the estimator finds? Normal layers between the entries of the table.

    tests/bench/calibration.py build/release/infostrata [--rows 2000] [--draws 8] [--ranks 2] [--metric euclidean]

Pairs of layers that share 1 nat are drawn (NumPy), in dimensions that the table does not have, and given to the program. Of each
pair, estimator and k it prints the mean value, its standard error, the mean of `calibration`, and how many rows have the note. The
dimension is the program's own estimate: errors of its translation are in it, too.
"""
import argparse
import csv
import os
import subprocess
import tempfile

import numpy as np

PAIRS = ((1, 1), (4, 4), (6, 6), (10, 10), (16, 16), (45, 45), (2, 10), (4, 25))
ESTIMATORS = (("mi-ksg", "type: [1, 2]", ("type=1", "type=2")), ("mi-mixed", "form: [paper]", ("form=paper",)))


def draw(rng, rows, d_x, d_y):
    x, y = rng.standard_normal((rows, d_x)), rng.standard_normal((rows, d_y))
    shared = min(d_x, d_y)
    rho = np.sqrt(1 - np.exp(-2 / shared))
    y[:, :shared] = rho * x[:, :shared] + np.sqrt(1 - rho**2) * y[:, :shared]
    return x.astype(np.float32), y.astype(np.float32)


def results(arguments, folder):
    for d_x, d_y in PAIRS:
        for i in range(arguments.draws):
            rng = np.random.default_rng([d_x, d_y, i])
            for name, layer in zip("xy", draw(rng, arguments.rows, d_x, d_y)):
                np.save(os.path.join(folder, f"{name}-{d_x}-{d_y}-{i}.npy"), layer)
    options = f"k: {arguments.k}, metric: {arguments.metric}, se: none"
    manifest = os.path.join(folder, "job.yaml")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write("version: 1\nname: calibration\n")
        file.write(f"grid: {{pair: [{', '.join(f'{x}-{y}' for x, y in PAIRS)}], draw: {list(range(arguments.draws))}}}\n")
        file.write("input: {layers: {x: 'x-{pair}-{draw}.npy', y: 'y-{pair}-{draw}.npy'}, deterministic: false}\nmeasures:\n")
        for measure, forms, _ in ESTIMATORS:
            file.write(f"  - {measure}: {{{forms}, {options}}}\n")
        file.write("output: out\n")
    subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(arguments.ranks), arguments.program, "run", "--quiet", manifest],
                   check=True)
    with open(os.path.join(folder, "out", "results.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def told(row):
    return float(dict(item.split("=") for item in row["detail"].split(";"))["calibration"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--k", default="[2, 5, 20]")
    parser.add_argument("--metric", default="euclidean")
    arguments = parser.parse_args()
    arguments.program = os.path.abspath(arguments.program)
    with tempfile.TemporaryDirectory() as folder:
        rows = results(arguments, folder)
    print("| d_x, d_y | estimator | k | found | +- | calibration | difference | noted |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    differences = []
    for x, y in PAIRS:
        for measure, _, forms in ESTIMATORS:
            for form in forms:
                for k in sorted({int(row["k"]) for row in rows}):
                    these = [r for r in rows if r["pair"] == f"{x}-{y}" and r["measure"] == measure and form in r["params"] and int(r["k"]) == k]
                    values = np.array([float(r["value"]) for r in these])
                    calibration = np.mean([told(r) for r in these])
                    noted = sum("calibration" in r["note"].split(";") for r in these)
                    error = values.std(ddof=1) / np.sqrt(len(values))
                    differences.append(abs(values.mean() - calibration))
                    print(f"| {x}, {y} | {measure} {form} | {k} | {values.mean():.3f} | {error:.3f} | {calibration:.3f} | "
                          f"{values.mean() - calibration:+.3f} | {noted} of {len(these)} |")
    print(f"\nlargest difference {max(differences):.3f}, mean {np.mean(differences):.3f}")


if __name__ == "__main__":
    main()
