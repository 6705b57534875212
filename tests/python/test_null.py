"""Permutation nulls of labels targets: permuted inside classes of one sample nothing moves, so that the null's value is the value
itself, found another way: from one long list among all, where the value comes from passes within classes."""

import os
import tempfile
import unittest

import numpy as np
import pandas as pd

import against_brute

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
        return text, pd.read_csv(os.path.join(folder, "results", "results.csv"), keep_default_na=False)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Null(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text, cls.rows = run(2, 700)
        cls.detail = [dict(item.split("=") for item in text.split(";")) for text in cls.rows.detail]

    def test_nothing_permuted_is_the_value_itself(self):
        seen = 0
        for row, detail in zip(self.rows.itertuples(), self.detail):
            if "within=each" in row.params:
                self.assertAlmostEqual(float(detail["null_mean"]), float(row.value), delta=1e-12, msg=f"{row.measure} {row.params}")
                self.assertEqual(detail["permutations"], "1")
                seen += 1
        self.assertEqual(seen, 2 * (12 + 4 + 2 + 4) + 2)

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


if __name__ == "__main__":
    unittest.main()
