#!/usr/bin/python3
"""What the other neighbour measures cost beside the imbalance, whose passes they share.

    cmake --preset release && cmake --build --preset release
    /usr/bin/python3 tests/bench/neighbour_cost.py [--program build/release/infostrata] [--rows 20000] [--rounds 5] [--ranks 2]

Layers of 784, 256, 64 and 10 features: images of ten classes (a mean each, 40 directions of variation, noise) and what random layers
with ReLU make of them, the last one without. `alone`: imbalance between all of them and to the labels, k = 1 and 30. `with`: mi-ross,
dimension and overlap (pairs and labels) as well. The same standard errors, by parts. In turn, round by round; medians of the whole
command's time by the clock, of its passes' (timings.csv), and of the passes of the layer of 10 features. The imbalances of both
must be the same to the last digit, and every task must be ok, or nothing is printed.

Then both for a job of the layer of 10 features alone, ten times as many rounds: its imbalances are those to the labels, which need
no counts, and it takes half a second, half of it the start, which takes 0.07 s more in some runs than in others: medians of 20 rounds
lay at ratios from 1.08 to 1.28. Exit code 1 if the whole takes more than 1.15 times as long with the other measures, or the passes of
the 10 features, or the job of these alone by the clock, more than 1.25. Run it when nothing else runs.
"""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

for name in [n for n in os.environ if n.startswith(("OPENBLAS_", "GOTO_"))]:
    del os.environ[name]

import numpy as np  # noqa: E402

WIDTHS = (784, 256, 64, 10)
CLASSES, DIRECTIONS = 10, 40
MOST, MOST_NARROW = 1.15, 1.25

MANIFEST = """version: 1
input:
  layers: {{{layers}}}
  labels: {{y: y.npy}}
measures:
{measures}
output: {output}
"""
IMBALANCE = ["imbalance: {k: [1, 30]}", "imbalance: {k: [1, 30], target: y}"]
OTHERS = ["mi-ross: {target: y}", "dimension: {}", "overlap: {}", "overlap: {target: y}"]


def write_layers(folder, rows):
    rng = np.random.default_rng(4)
    labels = rng.integers(0, CLASSES, rows)
    factors = rng.standard_normal((rows, DIRECTIONS))
    x = 2 * rng.standard_normal((CLASSES, WIDTHS[0]))[labels] + factors @ rng.standard_normal((DIRECTIONS, WIDTHS[0]))
    x += 0.5 * rng.standard_normal(x.shape)
    for width in WIDTHS:
        if width != WIDTHS[0]:
            x = x @ rng.standard_normal((x.shape[1], width)) / np.sqrt(x.shape[1])
            x = np.maximum(x, 0) if width != WIDTHS[-1] else x
        np.save(os.path.join(folder, f"h{width}.npy"), x.astype(np.float32))
    np.save(os.path.join(folder, "y.npy"), labels)


def write_job(folder, name, widths, measures):
    if len(widths) == 1:
        measures = [m for m in measures if m not in ("imbalance: {k: [1, 30]}", "overlap: {}")]
    text = MANIFEST.format(layers=", ".join(f"h{w}: h{w}.npy" for w in widths), measures="\n".join(f"  - {m}" for m in measures), output=name)
    with open(os.path.join(folder, f"{name}.yaml"), "w", encoding="utf-8") as file:
        file.write(text)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(options, folder, name):
    """Seconds by the clock, of the passes, of those of the narrowest layer; the imbalances."""
    output = os.path.join(folder, name)
    subprocess.run(["rm", "-rf", output], check=True)
    line = ["mpirun", "--bind-to", "none", "-n", str(options.ranks), options.program, "run", os.path.join(folder, f"{name}.yaml"), "--quiet"]
    start = time.perf_counter()
    done = subprocess.run(line, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    results = rows_of(os.path.join(output, "results.csv"))
    if any(row["status"] != "ok" for row in results):
        sys.exit(f"{name}: a task failed")
    passes = [(row["layer"], float(row["seconds"])) for row in rows_of(os.path.join(output, "timings.csv"))]
    narrow = sum(seconds for layer, seconds in passes if layer.endswith(f"h{WIDTHS[-1]}.npy"))
    return seconds, sum(seconds for _, seconds in passes), narrow, sorted(tuple(row.values()) for row in results if row["measure"] == "imbalance")


def compare(options, folder, widths, rounds):
    """Medians of the three times, without the other measures and with them."""
    write_job(folder, "alone", widths, IMBALANCE)
    write_job(folder, "with", widths, IMBALANCE + OTHERS)
    times = {"alone": [], "with": []}
    for _ in range(rounds):
        found = {}
        for name in times:
            *seconds, found[name] = run(options, folder, name)
            times[name].append(seconds)
        if found["alone"] != found["with"]:
            sys.exit(f"layers of {widths}: other imbalances")
    return [[statistics.median(t[i] for t in times[name]) for name in times] for i in range(3)]


def told(what, alone, both, most=None):
    limit = f" (at most {most})" if most else ""
    print(f"{what:34} imbalance alone {alone:6.2f} s, with the others {both:6.2f} s: {both / alone:.3f} times{limit}", flush=True)
    return most is not None and both > most * alone


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release/infostrata"))
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    with tempfile.TemporaryDirectory() as folder:
        write_layers(folder, options.rows)
        clock, passes, narrow = compare(options, folder, WIDTHS, options.rounds)
        slow = [told("all layers, by the clock", *clock, MOST)]
        told("all layers, passes", *passes)
        slow.append(told(f"the passes of {WIDTHS[-1]} features", *narrow, MOST_NARROW))
        clock, passes, _ = compare(options, folder, WIDTHS[-1:], 10 * options.rounds)
        slow.append(told(f"a job of {WIDTHS[-1]} features, by the clock", *clock, MOST_NARROW))
        told(f"a job of {WIDTHS[-1]} features, passes", *passes)
    sys.exit(any(slow))


if __name__ == "__main__":
    main()
