"""Permutation nulls. Permuted inside classes of one sample nothing moves, so that the null's value is the value itself, found
another way: of labels from one long list among all, where the value comes from passes within classes; of layers by passes of the
permuted rows. Of layers every null is compared with the brute force."""

import io
import os
import subprocess
import tempfile
import unittest

import numpy as np
import pandas as pd

import against_brute
import brute

PROGRAM = os.environ.get("INFOSTRATA")
MANIFEST = """
version: 1
name: "null"
output: results
input:
  layers: {ties: ties.npy, wide: wide.npy}
  labels: {rare: rare.npy, even: even.npy, each: each.npy, pairs: pairs.npy}
measures:
  - mi-ross: {target: [rare, even], k: [1, 3, 20], metric: [euclidean, chebyshev], null: {permutations: 1, within: each}}
  - mi-mixed: {target: even, k: [1, 5], form: [code, paper], null: {permutations: 1, within: each}}
  - overlap: {target: [rare, even], k: 10, null: {permutations: 1, within: each}}
  - imbalance: {target: [rare, even], k: [1, 5], null: {permutations: 1, within: each}}
  - overlap: {pairs: [[ties, wide]], k: [1, 10], null: {permutations: 1, within: each}}
  - overlap: {pairs: [[ties, wide]], null: {permutations: 39}}
  - overlap: {pairs: [[ties, wide]], null: {permutations: 39, within: even}}
  - mi-ross: {target: even, null: {permutations: 39}}
  - overlap: {target: even, null: {permutations: 39}}
  - imbalance: {target: even, k: 5, null: {permutations: 39}}
  - mi-mixed: {target: even, null: {permutations: 39}}
  - overlap: {target: even, k: 10, seed: [0, 1], null: {permutations: 9, within: pairs}}
  - imbalance: {pairs: [[ties, wide]], k: [1, 5], ties: [random, index], null: {permutations: 1, within: each}}
  - mi-ksg: {pairs: [[ties, wide]], k: [1, 3], type: [1, 2], null: {permutations: 1, within: each}}
  - mi-mixed: {pairs: [[ties, wide]], form: [code, paper], scale: [rms, none], null: {permutations: 1, within: each}}
"""


def make(n):
    """Labels with classes of 1, 2 and 4 samples, whose lists run out; layers full of ties, and of float64 values."""
    rng = np.random.default_rng(11)
    even = rng.integers(0, 4, n)
    rare = even.copy()
    rare[:7] = [50, 60, 60, 70, 70, 70, 70]
    ties = np.round(rng.standard_normal((n, 3)) + 0.4 * even[:, None]).astype(np.int16)
    wide = rng.standard_normal((n, 5)) + 0.3 * even[:, None]
    wide[rng.random(n) < 0.1] = 0
    return {"rare": rare, "even": even, "ties": ties, "wide": wide, "each": np.arange(n), "pairs": np.arange(n) // 2}


def run(ranks, rows):
    with tempfile.TemporaryDirectory(prefix="null ") as folder:
        for name, values in make(rows).items():
            np.save(os.path.join(folder, name + ".npy"), values)
        path = os.path.join(folder, "null.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(MANIFEST)
        against_brute.launch(PROGRAM, ranks, path)
        with open(os.path.join(folder, "results", "results.csv"), encoding="utf-8") as file:
            text = file.read()
        return text, pd.read_csv(io.StringIO(text), keep_default_na=False, float_precision="round_trip")


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Null(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text, cls.rows = run(2, 700)
        cls.detail = [dict(item.split("=") for item in text.split(";")) for text in cls.rows.detail]

    @staticmethod
    def is_of_layers(row):
        return row.target in ("ties", "wide")

    def test_nothing_permuted_is_the_value_itself(self):
        seen = 0
        for row, detail in zip(self.rows.itertuples(), self.detail):
            if "within=each" in row.params:
                self.assertAlmostEqual(float(detail["null_mean"]), float(row.value), delta=1e-12, msg=f"{row.measure} {row.params}")
                self.assertEqual(detail["permutations"], "1")
                seen += 1
                self.assertEqual(detail["null_mean"], f"{float(row.value):.17g}" if self.is_of_layers(row) else detail["null_mean"])
        self.assertEqual(seen, 2 * (12 + 4 + 2 + 4) + 2 + 8 + 4 + 4)

    def test_dependence_is_found(self):
        for row, detail in zip(self.rows.itertuples(), self.detail):
            if "null=39" not in row.params or "within" in row.params:
                continue
            mean, sd = float(detail["null_mean"]), float(detail["null_sd"])
            by_chance = {"overlap": float(detail.get("by_chance", 0)), "imbalance": 1}.get(row.measure, 0)
            self.assertEqual(float(detail["p"]), 1 / 40, f"{row.measure} {row.source}")
            if row.measure != "mi-mixed" or row.source == "wide":  # of a lattice it has a bias of its own
                self.assertLess(abs(mean - by_chance), 5 * sd + 0.02, f"{row.measure} {row.source}")

    def test_agreement_by_the_labels_alone_stays(self):
        """Two layers that have nothing but the labels in common: their overlap is that of layers permuted inside the classes."""
        detail = [d for r, d in zip(self.rows.itertuples(), self.detail) if "null=39;within=even" in r.params]
        value = [float(r.value) for r in self.rows.itertuples() if "null=39;within=even" in r.params]
        self.assertEqual(len(detail), 1)
        self.assertLess(abs(value[0] - float(detail[0]["null_mean"])), 5 * float(detail[0]["null_sd"]))
        self.assertGreater(value[0] - float(detail[0]["by_chance"]), 3 * float(detail[0]["null_sd"]))

    def test_the_seed_chooses_the_permutations(self):
        found = {}
        for row, detail in zip(self.rows.itertuples(), self.detail):
            if "within=pairs" in row.params:
                found.setdefault(row.source, set()).add(detail["null_mean"])
        self.assertTrue(all(len(means) == 2 for means in found.values()), found)

    def test_any_number_of_ranks(self):
        self.assertEqual(run(1, 700)[0], self.text)
        self.assertEqual(run(3, 700)[0], self.text)


LAYERS = """
version: 1
name: layers
output: results
input:
  layers: {ties: ties.npy, relu: relu.npy, real: real.npy}
  labels: {even: even.npy}
measures:
"""


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class NullOfLayers(unittest.TestCase):
    """Exact, with rows that are equal, with ties, inside classes."""

    PAIRS = [("ties", "relu"), ("relu", "real"), ("real", "ties")]
    NULLS = [{"permutations": 5}, {"permutations": 3, "within": "even"}, {"permutations": 2, "seed": 7}]
    FORMS = ([("imbalance", form) for form in against_brute.forms(k=(1, 4), ties=("random", "index"))]
             + [("imbalance", {"metric": "chebyshev"}), ("imbalance", {"metric": "cosine"})]
             + [("mi-ksg", form) for form in against_brute.forms(k=(1, 3), type=(1, 2))]
             + [("mi-ksg", form) for form in against_brute.forms(metric=("manhattan",), scale=("none",), type=(1, 2))]
             + [("mi-mixed", form) for form in against_brute.forms(k=(5,), form=("code", "paper"))])

    @staticmethod
    def make(n):
        rng = np.random.default_rng(5)
        even = rng.integers(0, 3, n)
        ties = np.round(rng.standard_normal((n, 2)) + even[:, None]).astype(np.int16)
        real = rng.standard_normal((n, 4)) + 0.7 * ties[:, :1]
        relu = np.maximum(real @ rng.standard_normal((4, 6)), 0).astype(np.float32)
        relu[rng.random(n) < 0.3] = 0
        real[relu.sum(axis=1) == 0] = 0.25
        return {"ties": ties, "relu": relu, "real": real, "even": even}

    def entries(self):
        """(line of the manifest, measure, operands, form, null)"""
        for measure, form in self.FORMS:
            for pair in self.PAIRS:
                # Which directions of a lattice are equal is a matter of rounding.
                for null in self.NULLS if form.get("metric") != "cosine" or "ties" not in pair else ():
                    # The order of equal distances is the index where the brute force knows no other.
                    asked = {**form, "seed": null.get("seed", 0), **({} if "ties" in form or measure == "imbalance" else {"ties": "index"})}
                    said = "".join(f", {name}: {value}" for name, value in asked.items())
                    within = f", within: {null['within']}" if "within" in null else ""
                    operands = f"layers: [{pair[0]}], target: {pair[1]}" if measure == "imbalance" else f"pairs: [[{pair[0]}, {pair[1]}]]"
                    yield (f"  - {measure}: {{{operands}{said}, se: none, null: {{permutations: {null['permutations']}{within}}}}}\n",
                           measure, pair, form, null)

    def write_job(self, folder, n, lines):
        for name, values in self.make(n).items():
            np.save(os.path.join(folder, name + ".npy"), values)
        path = os.path.join(folder, "null.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines([LAYERS, *lines])
        return path

    def nulls_of_plan(self, n, lines, *options):
        """The line of the plan."""
        with tempfile.TemporaryDirectory(prefix="plan of nulls ") as folder:
            done = subprocess.run([PROGRAM, "plan", self.write_job(folder, n, lines), "--ranks", "2", *options],
                                  check=True, capture_output=True, text=True)
            self.assertNotIn("DOES NOT FIT", done.stdout)
            return next(line for line in done.stdout.splitlines() if line.startswith("nulls  "))

    def run_job(self, n, ranks, lines, *options):
        with tempfile.TemporaryDirectory(prefix="null of layers ") as folder:
            against_brute.launch(PROGRAM, ranks, self.write_job(folder, n, lines), *options)
            with open(os.path.join(folder, "results", "results.csv"), encoding="utf-8") as file:
                text = file.read()
            return text, pd.read_csv(io.StringIO(text), keep_default_na=False, float_precision="round_trip")

    def test_against_brute(self):
        n, entries = 130, list(self.entries())
        arrays = self.make(n)
        text, rows = self.run_job(n, 3, [entry[0] for entry in entries], "--skipping", "always")
        rows = rows.to_dict("records")
        at = 0
        for line, measure, pair, form, null in entries:
            row = next(row for row in rows[at:] if (row["source"], row["target"]) == pair)
            at = rows.index(row, at) + 1
            self.assertTrue(row["measure"] == measure and row["status"] == "ok", line)
            layers, within = [arrays[name] for name in pair], arrays.get(null.get("within"))
            seed = null.get("seed", 0)
            seeded = {"seed": seed} if measure == "imbalance" else {}
            value = brute.value(measure, layers, **form, **seeded)
            found = brute.null(measure, layers, null["permutations"], seed, within, **form)
            expected = brute.null_facts(value, found, measure == "imbalance")
            detail = dict(item.split("=") for item in row["detail"].split(";"))
            self.assertAlmostEqual(float(row["value"]), value, delta=1e-9, msg=line)
            for name, number in zip(("null_mean", "null_sd", "p"), expected):
                self.assertAlmostEqual(float(detail[name]), number, delta=1e-9 * max(1, abs(number)), msg=f"{name}: {line}")
        plain = self.run_job(n, 1, [entry[0] for entry in entries], "--kernel", "reference", "--skipping", "never")[0]
        self.assertEqual(plain, text)

    def test_dependence_is_found(self):
        lines = [f"  - {measure}: {{pairs: [[real, ties]], se: none, null: {{permutations: 39}}}}\n" for measure in ("imbalance", "mi-ksg", "mi-mixed")]
        rows = self.run_job(300, 2, lines)[1]
        self.assertEqual(rows.detail.str.extract(r"(?:^|;)p=([0-9.]+)")[0].astype(float).tolist(), [1 / 40] * 4)

    def test_few_that_fit_at_once(self):
        """A limit of memory changes how many permutations are counted together, and nothing else."""
        lines = ["  - imbalance: {layers: [real], target: ties, k: 4, se: none, null: {permutations: 70}}\n",
                 "  - mi-ksg: {pairs: [[real, ties]], k: [1, 3], type: [1, 2], se: none, null: {permutations: 40}}\n"]
        limits = ((), ("--max-memory", "2"))
        self.assertEqual(len({self.run_job(130, 2, lines, *limit)[0] for limit in limits}), 1)
        self.assertEqual(len({self.nulls_of_plan(130, lines, *limit) for limit in limits}), 2)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Chance(unittest.TestCase):
    def test_p_of_independent_layers_is_anything(self):
        """Layers that know nothing of each other: p is uniform on 0.05, 0.10, ... 1, for each of the measures."""
        layers, n = 8, 60
        rng = np.random.default_rng(3)
        with tempfile.TemporaryDirectory(prefix="chance ") as folder:
            for layer in range(layers):
                np.save(os.path.join(folder, f"l{layer}.npy"), rng.standard_normal((n, 2)))
            names = ", ".join(f"l{layer}: l{layer}.npy" for layer in range(layers))
            path = os.path.join(folder, "chance.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"version: 1\nname: chance\noutput: results\ninput: {{layers: {{{names}}}}}\nmeasures:\n")
                for measure in ("imbalance", "mi-ksg", "mi-mixed"):
                    file.write(f"  - {measure}: {{se: none, null: {{permutations: 19}}}}\n")
            against_brute.launch(PROGRAM, 1, path)
            rows = pd.read_csv(os.path.join(folder, "results", "results.csv"))
        p = rows.detail.str.extract(r"(?:^|;)p=([0-9.]+)")[0].astype(float)
        for measure, values in p.groupby(rows.measure):
            pairs = len(values)
            self.assertEqual(pairs, layers * (layers - 1) // (1 if measure == "imbalance" else 2))
            self.assertLess(abs(values.mean() - 0.525), 4 * 0.29 / pairs ** 0.5, measure)
            self.assertTrue(values.min() <= 0.25 and values.max() >= 0.8 and values.min() >= 0.05, measure)


if __name__ == "__main__":
    unittest.main()
