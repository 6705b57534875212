#!/usr/bin/env python3
"""Sliced mutual information against scikit-learn, slice by slice, on the same cores.

    tests/bench/sliced_ratio.py [--program FILE] [--samples N] [--slices S] [--classes C] [--ranks P] [--scaling]

A layer of one feature is its own slice: the answers of mutual_info_classif and mutual_info_regression on that column are
compared with the program's first. Then seconds a slice: of mi-sliced with `se: none`, which does what scikit-learn does, and
with the random parts; all of it (projection of 64 features, exchange, sorting, counting) from timings.csv. Beside the
seconds of the clock those of the processor, which other programs on the machine disturb less: scikit-learn's own, and
those of the program on one rank. --scaling: N from 10^4 to 10^6, labels, by phase.
"""

import argparse
import csv
import os
import resource
import subprocess
import tempfile
import time

import h5py
import numpy as np
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

FEATURES = 64
PHASES = ("project", "transpose", "sort", "estimate")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--program", default=os.path.join(here, "../../build/release/infostrata"))
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--slices", type=int, default=48)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--scaling", action="store_true")
    return parser.parse_args()


def write_data(path, samples, classes):
    """A layer, another that depends on it, one column of each, and labels that depend on the column."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(samples, FEATURES)).astype("f4")
    y = (x + rng.normal(size=x.shape)).astype("f4")
    noisy = x[:, 0] + rng.normal(size=samples)
    label = np.searchsorted(np.quantile(noisy, np.arange(1, classes) / classes), noisy)
    with h5py.File(path, "w") as file:
        for name, values in {"x": x, "y": y, "x0": x[:, :1], "y0": y[:, :1]}.items():
            file[f"/layers/{name}"] = values
        file["/labels/label"] = label
    return x[:, 0].astype(float), y[:, 0].astype(float), label


def run(options, folder, name, measures, ranks):
    """Rows of results.csv and timings.csv, and processor seconds."""
    manifest, output = os.path.join(folder, name + ".yaml"), os.path.join(folder, name)
    with open(manifest, "w") as file:
        file.write("version: 1\ninput: {file: data.h5, layers: [x, y, x0, y0], labels: [label]}\nmeasures:\n")
        file.writelines(f"  - {measure}\n" for measure in measures)
    command = [options.program, "run", manifest, "--output", output]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] + command
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    with open(os.path.join(output, "results.csv")) as a, open(os.path.join(output, "timings.csv")) as b:
        return list(csv.DictReader(a)), list(csv.DictReader(b)), used


def by_phase(timings, layer):
    return {p: sum(float(t["seconds"]) for t in timings if t["kind"] == "slices-" + p and t["layer"].endswith(layer)) for p in PHASES}


def timed(work):
    wall, used = time.perf_counter(), time.process_time()
    value = work()
    return value, time.perf_counter() - wall, time.process_time() - used


def check(options, folder, theirs):
    rows, _, _ = run(options, folder, "check", ["mi-sliced: {layers: x0, target: label, slices: 1, se: none}",
                                                "mi-sliced: {pairs: [[x0, y0]], slices: 1, se: none}"], 1)
    for row, their in zip(rows, theirs):
        ours = float(row["value"])
        # scikit-learn adds noise of 1e-10 and divides by the standard deviation, not by the pair distance.
        if abs(ours - their) > 2e-3:
            raise SystemExit(f"{row['target']}: {ours} is not scikit-learn's {their}")
        print(f"checked: {row['source']} and {row['target']}: {ours:.6f}, scikit-learn {their:.6f}")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        if options.scaling:
            print("N, " + ", ".join(PHASES) + ", all: ms a slice")
            for samples in (10_000, 100_000, 1_000_000):
                write_data(os.path.join(folder, "data.h5"), samples, options.classes)
                slices = max(4, options.slices * 100_000 // samples // 4)
                _, timings, _ = run(options, folder, f"n{samples}", [f"mi-sliced: {{layers: x, target: label, slices: {slices}}}"], options.ranks)
                phase = by_phase(timings, "/x")
                print(f"{samples}, " + ", ".join(f"{1e3 * s / slices:.3g}" for s in (*phase.values(), sum(phase.values()))))
            return
        x, y, label = write_data(os.path.join(folder, "data.h5"), options.samples, options.classes)
        classif = timed(lambda: mutual_info_classif(x[:, None], label, n_neighbors=3, random_state=0)[0])
        regression = timed(lambda: mutual_info_regression(x[:, None], y, n_neighbors=3, random_state=0)[0])
        check(options, folder, (classif[0], regression[0]))
        for name, entry, their in (("labels", "layers: x, target: label", classif), ("layer", "pairs: [[x, y]]", regression)):
            for se in ("none", "parts"):
                measure = f"mi-sliced: {{{entry}, se: {se}, slices: %d}}"
                _, timings, _ = run(options, folder, f"{name}-{se}", [measure % options.slices], options.ranks)
                _, _, few = run(options, folder, f"{name}-{se}-few", [measure % 2], 1)
                _, _, many = run(options, folder, f"{name}-{se}-one", [measure % (2 + options.slices)], 1)
                wall = sum(by_phase(timings, "/x").values()) / options.slices
                used = (many - few) / options.slices
                print(f"{name}, se: {se}, N = {options.samples}: clock {1e3 * wall:.2f} ms a slice on {options.ranks} ranks, "
                      f"scikit-learn {1e3 * their[1]:.0f}: x {their[1] / wall:.0f}; processor {1e3 * used:.2f} ms on one, "
                      f"scikit-learn {1e3 * their[2]:.0f}: x {their[2] / used:.0f} a core")


if __name__ == "__main__":
    main()
