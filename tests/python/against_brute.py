#!/usr/bin/python3
"""Every neighbour measure of the program, every form of it, against the brute force, on layers of one's own.

    tests/python/against_brute.py PROGRAM --layers a=acts.h5:/layers/fc1 b=logits.npy --labels y=acts.h5:/labels/class
        [--rows 5000] [--ranks 2] [--measure mi-ksg]...

One job with `ties: index` and `se: none`: every layer, every two of them, every layer and labels, with each combination of the
parameters below that `infostrata measures` offers. Prints what differs by more than 1e-9 (of values below 1: absolutely), and how
many were compared. Measures that the program does not have are named and passed over. Exit code 1 if a number differs or is missing.

The brute force takes seconds for each number at N = 5,000: with many layers ask for one measure after the other.
"""
import argparse
import csv
import itertools
import math
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

import brute

CLOSE = 1e-9
METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
OF_VOLUME = METRICS[:3]  # directions have none


def forms(**choices):
    """Every combination of the parameters' values."""
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


LABELS = {
    "mi-ross": forms(k=(1, 3, 10), metric=METRICS) + forms(metric=METRICS, scale=("zscore",)),
    "mi-mixed": forms(k=(1, 5), form=("code", "paper"), metric=METRICS),
    "overlap": forms(k=(1, 30)) + forms(k=(10,), metric=METRICS, scale=("none", "zscore")) + [{"class_fraction": 0.05}],
}
PAIRS = {
    "mi-ksg": forms(k=(1, 3, 10), type=(1, 2)) + forms(type=(1, 2), metric=METRICS, scale=("none", "zscore")),
    "mi-mixed": forms(k=(1, 5), form=("code", "paper")) + forms(metric=METRICS, scale=("none", "zscore")),
    "overlap": forms(k=(1, 30)) + forms(k=(10,), metric=METRICS, scale=("none", "zscore")),
}
SINGLE = {
    "entropy-kl": forms(k=(1, 3), metric=OF_VOLUME) + forms(metric=OF_VOLUME, scale=("rms", "zscore")),
    "dimension": (forms(method=("twonn",)) + forms(method=("twonn-fit",), keep=(0.9, 0.5)) + forms(method=("gride",), n1=(1, 2, 4, 8))
                  + forms(method=("mle",), k=(5, 10), average=("mackay", "levina")) + forms(scale=("zscore",))),
}


def offered(program):
    """The measures of the program: {measure: {parameter: its words, or None where it takes numbers}}."""
    done = subprocess.run([program, "measures"], check=True, capture_output=True, text=True)
    found, parameters = {}, {}
    for line in done.stdout.splitlines():
        if line and not line.startswith(" "):
            parameters = found.setdefault(line.strip(), {})
        elif " default " in line:
            words = line.partition(" one of ")[2].partition(" (")[0]
            parameters[line.split()[0]] = words.split(", ") if words else None
    return found


def takes(parameters, params):
    """Does a measure with these parameters know all of params, with these values?"""
    return all(name in parameters and (parameters[name] is None or value in parameters[name]) for name, value in params.items())


def load(address, rows):
    file, _, dataset = address.partition(":")
    if not dataset:
        return np.load(file)[:rows]
    with h5py.File(file) as opened:
        return opened[dataset][:rows]


class Task:
    """One number: which measure, of what, and how."""

    def __init__(self, measure, source, target, labels, params, fixed=None):
        self.measure, self.source, self.target, self.labels, self.params = measure, source, target, labels, params
        self.fixed = fixed or {}  # what the brute force always does, where the program has to be told

    def line(self):
        operands = f"layers: [{self.source}]"
        if self.target:
            # Symmetric measures are asked by pairs, so that both take one row.
            symmetric = self.measure in ("mi-ksg", "overlap") and not self.labels
            operands = f"pairs: [[{self.source}, {self.target}]]" if symmetric else f"{operands}, target: {self.target}"
        more = "".join(f", {name}: {value}" for name, value in {**self.params, **self.fixed}.items())
        return f"  - {self.measure}: {{{operands}{more}}}\n"

    def __str__(self):
        asked = ", ".join(f"{name}: {value}" for name, value in self.params.items())
        return f"{self.measure} {self.source}{' ' + self.target if self.target else ''} {{{asked}}}"


def tasks(measures, layers, labels):
    """All numbers that can be asked for; measures as `offered` gives them, or some of them."""
    found = []
    for measure, parameters in measures.items():
        fixed = {name: value for name, value in (("ties", "index"), ("se", "none")) if takes(parameters, {name: value})}
        one, two, classed = ([form for form in table.get(measure, ()) if takes(parameters, form)]
                             for table in (SINGLE, PAIRS, LABELS))
        found += [Task(measure, a, None, False, form, fixed) for form in one for a in layers]
        found += [Task(measure, a, b, False, form, fixed) for form in two for a, b in itertools.combinations(layers, 2)]
        found += [Task(measure, a, y, True, form, fixed) for form in classed for a in layers for y in labels]
    return found


def number_or_text(text):
    try:
        return float(text)
    except ValueError:
        return text


def row_of(results, measure, source, target, params):
    """The row with these operands (in either order) and parameters; a parameter that has no place in a row is not asked."""
    for row in results:
        said = {**dict(part.split("=", 1) for part in row["params"].split(";") if "=" in part), "k": row["k"]}
        fits = all(number_or_text(said[name]) == number_or_text(str(value)) for name, value in params.items() if name in said)
        if row["measure"] == measure and sorted((row["source"], row["target"])) == sorted((source, target or "")) and fits:
            return row
    return None


def launch(program, ranks, job, *options):
    """`infostrata run`, on so many ranks."""
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run([*command, program, "run", job, *options, "--quiet"], env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 4):  # 4: some tasks failed, and are rows of their own
        raise RuntimeError(f"{job} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def run(program, ranks, folder, layers, labels, asked, rows=None):
    """The rows of results.csv for a job with these tasks; layers and labels are maps name: address."""
    lines = ["version: 1\n", "input:\n", "  layers:\n"] + [f'    {name}: "{at}"\n' for name, at in layers.items()]
    if labels:
        lines += ["  labels:\n"] + [f'    {name}: "{at}"\n' for name, at in labels.items()]
    if rows:
        lines += [f"  samples: {{first: {rows}}}\n"]
    job = os.path.join(folder, "against-brute.yaml")
    with open(job, "w", encoding="utf-8") as file:
        file.writelines(lines + ["measures:\n"] + [task.line() for task in asked])
    output = os.path.join(folder, "against-brute-results")
    launch(program, ranks, job, "--output", output)
    with open(os.path.join(output, "results.csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def differences(asked, results, arrays):
    """What the program says otherwise than the brute force, a sentence each."""
    said = []
    for task in asked:
        row = row_of(results, task.measure, task.source, task.target, task.params)
        operands = [arrays[name] for name in (task.source, task.target) if name]
        try:
            expected = brute.value(task.measure, operands, task.labels, **task.params)
        except ValueError:
            continue  # not defined for these data: what the program says of it is another test's
        if row is None:
            said.append(f"{task}: no such row")
        elif row["status"] != "ok" or row["value"] == "":
            said.append(f"{task}: {expected!r}, the program: {row['status']} {row['detail']}")
        else:
            found = float(row["value"])
            same = found == expected or abs(found - expected) <= CLOSE * max(1, abs(expected)) < math.inf
            if not same:
                said.append(f"{task}: {expected!r}, the program: {found!r}")
    return said


def named(text):
    name, equals, address = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=ADDRESS")
    file, colon, dataset = address.partition(":")
    return name, os.path.abspath(file) + colon + dataset


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--layers", nargs="+", type=named, required=True, metavar="NAME=ADDRESS")
    parser.add_argument("--labels", nargs="*", type=named, default=[], metavar="NAME=ADDRESS")
    parser.add_argument("--rows", type=int, help="only the first so many")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--measure", action="append", choices=brute.MEASURES)
    options = parser.parse_args()
    program, layers, labels = os.path.abspath(options.program), dict(options.layers), dict(options.labels)
    has = offered(program)
    wanted = options.measure or brute.MEASURES
    absent = [measure for measure in wanted if measure not in has]
    if absent:
        print("the program does not have " + ", ".join(absent))
    asked = tasks({measure: has[measure] for measure in wanted if measure in has}, layers, labels)
    if not asked:
        sys.exit("nothing to compare")
    arrays = {name: load(address, options.rows) for name, address in {**layers, **labels}.items()}
    with tempfile.TemporaryDirectory() as folder:
        said = differences(asked, run(program, options.ranks, folder, layers, labels, asked, options.rows), arrays)
    print("".join(line + "\n" for line in said) + f"{len(asked)} numbers, {len(said)} differ")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
