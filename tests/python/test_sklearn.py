"""mi-ross and mi-ksg of single columns, against the estimators of scikit-learn.

Its public functions add noise of 1e-10 and clip at 0; the inner ones that are called here add none.
Columns are float64 without equal distances. Needs the program: INFOSTRATA names it (tests/run.sh
does).
"""

import os
import subprocess
import tempfile
import unittest
from unittest import mock

import numpy as np

import support  # noqa: F401  (the package's path)

from infostrata_analysis import load

try:
    from sklearn.feature_selection import _mutual_info as theirs
    INNER = theirs._compute_mi_cc, theirs._compute_mi_cd
except (ImportError, AttributeError):
    INNER = None

PROGRAM = os.environ.get("INFOSTRATA")
NEIGHBOURS = (1, 3, 10)
MANIFEST = """\
version: 1
input:
  layers: {x: x.npy, near: near.npy, far: far.npy, shifted: shifted.npy}
  labels: {even: even.npy, uneven: uneven.npy, unrelated: unrelated.npy}
measures:
  - mi-ross: {target: [even, uneven, unrelated], k: [1, 3, 10], se: none}
  - mi-ksg:
      pairs: [[x, near], [x, far], [far, shifted]]
      k: [1, 3, 10]
      type: 1
      metric: chebyshev
      scale: none
      se: none
output: results
"""


def make_columns(n=1500):
    """Return columns and labels; each column has standard deviation 1 as scikit-learn scales it."""
    random = np.random.default_rng(5)
    x = random.normal(size=n)
    layers = {"x": x, "near": x + 0.2 * random.normal(size=n), "far": random.normal(size=n),
              "shifted": random.exponential(size=n)}
    layers = {name: column / column.std() for name, column in layers.items()}
    uneven = np.digitize(x + 0.5 * random.normal(size=n), (-1.8, -1, 0.5))
    uneven[7] = 9  # alone in its class
    labels = {"even": (x > 0).astype(int), "uneven": uneven,
              "unrelated": random.integers(0, 4, size=n)}
    return layers, labels


def unclipped(estimate, *arguments):
    """Return what an estimator of scikit-learn finds before `max(0, mi)`."""
    with mock.patch.object(theirs, "max", lambda zero, mi: mi, create=True):
        return estimate(*arguments)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
@unittest.skipUnless(INNER, "no scikit-learn with _compute_mi_cc and _compute_mi_cd")
class ScikitLearn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.layers, cls.labels = make_columns()
        for name, column in cls.layers.items():
            np.save(os.path.join(holder.name, f"{name}.npy"), column[:, None])
        for name, column in cls.labels.items():
            np.save(os.path.join(holder.name, f"{name}.npy"), column)
        with open(os.path.join(holder.name, "job.yaml"), "w", encoding="utf-8") as file:
            file.write(MANIFEST)
        done = subprocess.run([PROGRAM, "run", "job.yaml", "--quiet"], cwd=holder.name, timeout=120,
                              capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.frame = load(os.path.join(holder.name, "results"))

    def found(self, measure, source, target, k):
        rows = self.frame[(self.frame["measure"] == measure) & (self.frame["source"] == source)
                          & (self.frame["target"] == target) & (self.frame["k"] == k)]
        self.assertEqual(rows["status"].tolist(), ["ok"])
        self.assertEqual(rows["tie_fraction"].iloc[0], 0)
        return rows["value"].iloc[0]

    def test_columns_and_labels(self):
        values = []
        for source, column in self.layers.items():
            for target, classes in self.labels.items():
                for k in NEIGHBOURS:
                    with self.subTest(source=source, target=target, k=k):
                        value = self.found("mi-ross", source, target, k)
                        expected = unclipped(theirs._compute_mi_cd, column, classes, k)
                        self.assertAlmostEqual(value, expected, delta=1e-9)
                        values.append(value)
        self.assertEqual(len(values), 36)
        self.assertTrue(min(values) < 0 < 0.5 < max(values))

    def test_two_columns(self):
        values = []
        for source, target in (("x", "near"), ("x", "far"), ("far", "shifted")):
            for k in NEIGHBOURS:
                with self.subTest(source=source, target=target, k=k):
                    value = self.found("mi-ksg", source, target, k)
                    expected = unclipped(theirs._compute_mi_cc, self.layers[source],
                                         self.layers[target], k)
                    self.assertAlmostEqual(value, expected, delta=1e-9)
                    values.append(value)
        self.assertTrue(min(values) < 0 < 1 < max(values))


if __name__ == "__main__":
    unittest.main()
