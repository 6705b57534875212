#!/usr/bin/python3
"""The neighbour measures on data whose true value is known: truth, found, std_error, difference, as Markdown tables.

    tests/bench/truths.py build/release/infostrata [--measure mi-ksg]... [--rows 10000] [--ranks 2] [--fill docs/measures.md]
    tests/bench/truths.py --brute --rows 2000            without the program: what tests/python/brute.py finds

Every measure is a job of its own: its data are drawn (NumPy, a seed for each case), written as .npy files beside a manifest, and
given to `mpirun -n RANKS PROGRAM run`; the numbers are those of results.csv. --measure takes one, given again more (default: all).
--keep DIR leaves data, manifests and results there. The note `row-order-unverified`, which .npy files always have, is left out. With --brute the tables have the brute force's value too.

--fill FILE writes the table of each measure that ran between the lines `<!-- truths MEASURE -->` and `<!-- end -->` of FILE.

The truths are closed forms, sums, or one-dimensional integrals computed here; that of ten classes is a mean over 10^6 draws of
log density ratios, right to 0.002. Exit code 1 if the program gave no value for some case.
"""
import argparse
import csv
import math
import os
import re
import subprocess
import sys
import tempfile
import zlib

import numpy as np
from scipy.integrate import quad
from scipy.special import gammaln, ndtr

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "python"))

import brute  # noqa: E402  (its path is set first)
from against_brute import row_of  # noqa: E402

DRAWS = 1000000


class Case:
    """One pair of operands (or one layer): its truth, and how the measure is asked."""

    def __init__(self, about, truth, draw, labels=False, swept=({},), **params):
        self.about, self.truth, self.draw, self.labels = about, truth, draw, labels
        self.swept = swept  # parameters of one row of the table each
        self.params = params  # the same in all of them
        self.arrays = None

    def values(self, rows):
        """The case's arrays: (source,) or (source, target). The same draws whatever else is measured."""
        if self.arrays is None:
            rng = np.random.default_rng(zlib.crc32(self.about.encode()))
            drawn = self.draw(rng, rows)
            self.arrays = drawn if isinstance(drawn, tuple) else (drawn,)
        return self.arrays


# ---- data ----

def gaussian(rho, d=1, of_x=None, of_y=None):
    def draw(rng, n):
        x, e = rng.standard_normal((n, d)), rng.standard_normal((n, d))
        y = rho * x + math.sqrt(1 - rho * rho) * e
        return of_x(x) if of_x else x, of_y(y) if of_y else y
    return draw


def gaussian_information(rho, d=1):
    return -d / 2 * math.log1p(-rho * rho)


def rho_of_one_nat(d):
    return math.sqrt(-math.expm1(-2 / d))


def additive_uniform(width):
    def draw(rng, n):
        x = rng.random((n, 1))
        return x, x + width * (2 * rng.random((n, 1)) - 1)
    return draw


def additive_uniform_information(width):
    return width - math.log(2 * width) if width <= 0.5 else 1 / (4 * width)


def student(nu):
    def draw(rng, n):
        both = rng.standard_normal((n, 2)) * np.sqrt(nu / rng.chisquare(nu, (n, 1)))
        return both[:, :1], both[:, 1:]
    return draw


# Bivariate, identity dispersion: from the entropies of the one- and the two-dimensional distribution.
STUDENT = {1: 0.2241714275, 2: 0.0826813919, 3: 0.0424114107, 5: 0.0171282784}


def two_classes(mean, d=1, zero=0.0):
    """N(mean, 1) and N(-mean, 1) in the first column, noise in the others; a share of rows all zero whatever the class."""
    def draw(rng, n):
        y = rng.integers(0, 2, n)
        x = rng.standard_normal((n, d))
        x[:, 0] += mean * (2 * y - 1)
        x[rng.random(n) < zero] = 0
        return x, y
    return draw


def two_classes_information(mean):
    def lost(z):
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * math.log1p(math.exp(-2 * mean * (mean + z)))
    return math.log(2) - quad(lost, -12, 12, epsabs=1e-12, limit=400)[0]


def ten_classes(spread, d, zero=0.0):
    centres = spread * np.random.default_rng(10).standard_normal((10, d))

    def draw(rng, n):
        y = rng.integers(0, 10, n)
        x = centres[y] + rng.standard_normal((n, d))
        x[rng.random(n) < zero] = 0
        return x, y

    def information():
        x, y = draw(np.random.default_rng(11), DRAWS)
        square = ((x[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2) / 2
        ratio = np.exp(square[np.arange(DRAWS), y][:, None] - square).mean(axis=1)  # density over the class' own
        return -np.log(ratio).mean()

    return draw, information


def stairs(m):
    def draw(rng, n):
        x = rng.integers(0, m, (n, 1)).astype(float)
        return x, x + 2 * rng.random((n, 1))
    return draw


def half_discrete(rho, flip):
    def draw(rng, n):
        x, y = gaussian(rho)(rng, n)
        sign = 2.0 * rng.integers(0, 2, (n, 1)) - 1
        other = np.where(rng.random((n, 1)) < flip, -sign, sign)
        discrete = rng.random((n, 1)) < 0.5
        return np.where(discrete, sign, x), np.where(discrete, other, y)
    return draw


def half_discrete_information(rho, flip):
    channel = math.log(2) + flip * math.log(flip) + (1 - flip) * math.log(1 - flip)
    return math.log(2) + gaussian_information(rho) / 2 + channel / 2


def zero_inflated(p):
    def draw(rng, n):
        x = rng.exponential(size=(n, 1))
        return x, np.where(rng.random((n, 1)) < p, 0, rng.poisson(x)).astype(float)
    return draw


def zero_inflated_information(p):
    """X ~ Exp(1), Y = 0 with probability p, else Poisson(X). Not (1 - p) times the value at p = 0: of a zero nobody knows why."""
    counts = np.arange(200)

    def entropy(of):
        of = of[of > 0]
        return -(of * np.log(of)).sum()

    def given(x):
        of = (1 - p) * np.exp(-x + counts * math.log(x) - gammaln(counts + 1))
        of[0] += p
        return math.exp(-x) * entropy(of)

    marginal = (1 - p) * 0.5 ** (counts + 1)
    marginal[0] += p
    return entropy(marginal) - quad(given, 0, 60, limit=400)[0]


def linear_image(d, columns, kind):
    """d normal or uniform columns, mapped linearly into more; a tenth of the rows is there twice for kind "twice"."""
    def draw(rng, n):
        inner = rng.random((n, d)) if kind == "uniform" else rng.standard_normal((n, d))
        if kind == "twice":
            inner[:n // 10] = inner[n // 10:2 * (n // 10)]
        return inner @ rng.standard_normal((d, columns))
    return draw


# ---- the table of cases ----

KSG = ({"type": 1}, {"type": 2})
MIXED = ({"form": "code"}, {"form": "paper"})
DIMENSION = ({"method": "twonn"}, {"method": "twonn-fit"}, {"method": "gride", "n1": 2}, {"method": "gride", "n1": 8},
             {"method": "mle", "average": "mackay"}, {"method": "mle", "average": "levina"})
METRICS = ({"metric": "euclidean"}, {"metric": "manhattan"}, {"metric": "chebyshev"})


def ksg_cases():
    cases = [Case(f"Gaussian pair, rho {rho}", gaussian_information(rho), gaussian(rho), swept=KSG)
             for rho in (0, 0.5, 0.75, 0.9, 0.95, 0.99)]
    for name, of_x, of_y in (("x^3, y", lambda v: v ** 3, None), ("asinh x, asinh y", np.arcsinh, np.arcsinh),
                             ("normal CDF of x, y^3", ndtr, lambda v: v ** 3)):
        cases.append(Case(f"Gaussian pair, rho 0.75: {name}", gaussian_information(0.75), gaussian(0.75, 1, of_x, of_y), swept=KSG))
    cases += [Case(f"uniform plus uniform noise of width {width}", additive_uniform_information(width), additive_uniform(width),
                   swept=KSG) for width in (0.1, 0.75)]
    cases += [Case(f"Student pair, nu {nu}", truth, student(nu), swept=KSG) for nu, truth in STUDENT.items()]
    cases += [Case(f"Gaussian, {d} columns each, 1 nat", 1.0, gaussian(rho_of_one_nat(d), d), swept=KSG) for d in (2, 5, 10, 20, 50)]
    return cases


def ross_cases():
    cases = [Case(f"two classes N(+-{mean}, 1)", two_classes_information(mean), two_classes(mean), labels=True)
             for mean in (0, 0.5, 1, 2)]
    cases += [Case(f"two classes N(+-1, 1), {d} columns", two_classes_information(1), two_classes(1, d), labels=True)
              for d in (5, 20)]
    draw, information = ten_classes(1.5, 4)
    truth = information()
    cases.append(Case("ten classes, 4 columns", truth, draw, labels=True))
    for zero in (0.02, 0.2):
        cases.append(Case(f"ten classes, 4 columns, {zero:.0%} of the rows zero", (1 - zero) * truth, ten_classes(1.5, 4, zero)[0],
                          labels=True))
    cases.append(Case("a constant layer, two classes", 0.0, two_classes(0, 3, 1.0), labels=True))
    return cases


def mixed_cases():
    cases = [Case(f"X one of {m} steps, Y uniform on (X, X + 2)", math.log(m) - (m - 1) / m * math.log(2), stairs(m), swept=MIXED)
             for m in (2, 5, 10)]
    cases.append(Case("half Gaussian rho 0.9, half binary channel, flip 0.1", half_discrete_information(0.9, 0.1),
                      half_discrete(0.9, 0.1), swept=MIXED))
    cases += [Case(f"zero-inflated Poisson of an exponential, p {p}", zero_inflated_information(p), zero_inflated(p), swept=MIXED)
              for p in (0, 0.15)]
    cases.append(Case("Gaussian pair, rho 0.9", gaussian_information(0.9), gaussian(0.9), swept=MIXED))
    cases += [Case(f"labels: two classes N(+-{mean}, 1)", two_classes_information(mean), two_classes(mean), labels=True, swept=MIXED)
              for mean in (0.5, 1)]
    return cases


def entropy_cases():
    cases = [Case(f"normal, {d} columns", d / 2 * math.log(2 * math.pi * math.e),
                  lambda rng, n, d=d: rng.standard_normal((n, d)), swept=METRICS) for d in (1, 2, 5, 10)]
    cases += [Case(f"uniform on (0, {a})", math.log(a), lambda rng, n, a=a: a * rng.random((n, 1)), swept=METRICS[:1])
              for a in (1, 10)]
    cases.append(Case("uniform in the unit cube, 5 columns", 0.0, lambda rng, n: rng.random((n, 5)), swept=METRICS))
    return cases


def dimension_cases():
    cases = [Case(f"{kind}, {d} columns mapped into 32", float(d), linear_image(d, 32, kind), swept=DIMENSION)
             for kind, columns in (("normal", (1, 2, 5, 10, 20)), ("uniform", (2, 10))) for d in columns]
    cases.append(Case("normal, 5 columns mapped into 32, a tenth of the rows twice", 5.0, linear_image(5, 32, "twice"),
                      swept=DIMENSION))
    return cases


def overlap_cases(rows):
    sizes = np.array([0.1, 0.2, 0.3, 0.4])

    def groups(rng, n, apart=0.0):
        y = np.repeat(np.arange(4), (sizes * n).astype(int))
        y = rng.permutation(np.concatenate([y, np.full(n - len(y), 3)]))
        return rng.standard_normal((n, 4)) + apart * y[:, None], y

    counts = (sizes * rows).astype(int)
    counts[3] += rows - counts.sum()
    by_chance = float((counts / rows * (counts - 1) / (rows - 1)).sum())
    return [
        Case("independent layers", 30 / (rows - 1), lambda rng, n: (rng.standard_normal((n, 4)), rng.standard_normal((n, 3)))),
        Case("a layer and 3 times it", 1.0, lambda rng, n: (lambda x: (x, 3 * x))(rng.standard_normal((n, 4)))),
        Case("labels that say nothing", by_chance, groups, labels=True, swept=({}, {"class_fraction": 0.01})),
        Case("labels of distant groups", 1.0, lambda rng, n: groups(rng, n, 1e3), labels=True,
             swept=({}, {"class_fraction": 0.01})),
    ]


MEASURES = {
    "mi-ross": lambda rows: ross_cases(), "mi-ksg": lambda rows: ksg_cases(), "mi-mixed": lambda rows: mixed_cases(),
    "entropy-kl": lambda rows: entropy_cases(), "dimension": lambda rows: dimension_cases(), "overlap": overlap_cases,
}


# ---- the program ----

def names(number, case):
    return f"x{number}", f"y{number}" if len(case.arrays) > 1 else None


def write_job(measure, cases, rows, folder):
    """The .npy files and job.yaml of one measure."""
    layers, labels, entries = [], [], []
    for number, case in enumerate(cases):
        arrays = case.values(rows)
        source, target = names(number, case)
        np.save(os.path.join(folder, source + ".npy"), arrays[0])
        layers.append(source)
        operands = f"layers: [{source}]"
        if target:
            np.save(os.path.join(folder, target + ".npy"), arrays[1])
            (labels if case.labels else layers).append(target)
            symmetric = measure in ("mi-ksg", "overlap") and not case.labels
            operands = f"pairs: [[{source}, {target}]]" if symmetric else f"{operands}, target: {target}"
        for params in case.swept:
            more = "".join(f", {name}: {value}" for name, value in {**case.params, **params}.items())
            entries.append(f"  - {measure}: {{{operands}{more}}}\n")
    lines = ["version: 1\n", "input:\n", "  deterministic: false\n", "  layers:\n"]
    lines += [f"    {name}: {name}.npy\n" for name in layers]
    if labels:
        lines += ["  labels:\n"] + [f"    {name}: {name}.npy\n" for name in labels]
    lines += ["measures:\n"] + entries + ["output: results\n"]
    path = os.path.join(folder, "job.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)
    return path


def run(program, ranks, job):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "GOTO"))}
    environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), program, "run", job, "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 4):  # 4: some tasks failed, and are in the table
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    with open(os.path.join(os.path.dirname(job), "results", "results.csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---- the tables ----

def cell(value, digits=4):
    return "" if value is None else f"{value + 0.0:.{digits}f}"


def table(measure, cases, rows, results, with_brute):
    head = ["data", "asked", "truth"] + (["found", "std_error", "difference", "of std_error", "note"] if results is not None else [])
    head += ["brute force"] if with_brute else []
    lines, missing = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)], 0
    for number, case in enumerate(cases):
        for params in case.swept:
            asked = " ".join(f"{name}: {value}" for name, value in {**case.params, **params}.items())
            line = [case.about, asked, cell(case.truth)]
            if results is not None:
                row = row_of(results, measure, *names(number, case), {**case.params, **params})
                if row is None or row["status"] != "ok" or row["value"] == "":
                    missing += 1
                    reason = "no such row" if row is None else row["detail"].replace("|", "/")
                    line += ["", "", "", "", reason]
                else:
                    found = float(row["value"])
                    error = float(row["std_error"]) if row["std_error"] else None
                    difference = found - case.truth
                    line += [cell(found), cell(error), f"{difference:+.4f}", f"{difference / error:+.1f}" if error and error >= 5e-5 else "",
                             " ".join(code for code in row["note"].split(";") if code != "row-order-unverified")]
            if with_brute:
                line.append(cell(brute.value(measure, case.values(rows), case.labels, **case.params, **params)))
            lines.append("| " + " | ".join(line) + " |")
            if results is None:
                print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines) + "\n", missing


def fill(path, measure, text):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    place = re.compile(rf"(<!-- truths {re.escape(measure)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if len(place.findall(page)) != 1:
        sys.exit(f"{path} has no one place for {measure}: <!-- truths {measure} --> ... <!-- end -->")
    with open(path, "w", encoding="utf-8") as file:
        file.write(place.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", help="an infostrata that is built")
    parser.add_argument("--measure", action="append", choices=list(MEASURES))
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--brute", action="store_true", help="also what tests/python/brute.py finds")
    parser.add_argument("--keep", metavar="DIR", help="leave data, manifests and results here (a new folder)")
    parser.add_argument("--fill", metavar="FILE", help="write the tables into this page")
    options = parser.parse_args()
    if not options.program and not options.brute:
        parser.error("neither a program nor --brute")
    if options.fill and not options.program:
        parser.error("--fill needs the program's numbers")
    missing = 0
    with tempfile.TemporaryDirectory() as scratch:
        for measure in options.measure or MEASURES:
            folder = os.path.join(os.path.abspath(options.keep) if options.keep else scratch, measure)
            os.makedirs(folder)
            cases = MEASURES[measure](options.rows)
            job = write_job(measure, cases, options.rows, folder)
            results = run(os.path.abspath(options.program), options.ranks, job) if options.program else None
            text, gaps = table(measure, cases, options.rows, results, options.brute)
            missing += gaps
            print(f"{measure}, N = {options.rows:,}\n\n{text}", flush=True)
            if options.fill:
                fill(options.fill, measure, f"N = {options.rows:,}.\n\n{text}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
