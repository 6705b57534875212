"""What docs/parity.md says of DADApy's imbalance, against its definition written down here.

DADApy keeps the `maxk` nearest of each row, the row itself in front; a neighbour that is not in the
other space's list gets a random rank beyond it. Its subset estimator is the mean over disjoint
random subsets, each with ranks and N of its own. Needs the program: INFOSTRATA names it.
"""

import os
import unittest

import numpy as np

import support  # noqa: F401  (the package's path)

from infostrata_analysis import imbalance, measure
from test_subsets import draw

PROGRAM = os.environ.get("INFOSTRATA")


def lists(rows, maxk):
    """Return the nearest rows of each row, itself first, by (distance, row number)."""
    square = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(square, -1)
    return np.argsort(square, axis=1, kind="stable")[:, : maxk + 1]


def limited(a, b, k, maxk, draw):
    """Return the imbalance a -> b where ranks beyond maxk are drawn."""
    near, far = lists(a, maxk), lists(b, maxk)
    ranks = []
    for row in range(len(a)):
        place = {other: rank for rank, other in enumerate(far[row])}
        ranks += [place[other] if other in place else draw.integers(maxk + 1, len(a))
                  for other in near[row, 1 : k + 1]]
    return np.mean(ranks) / (len(a) / 2)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Dadapy(unittest.TestCase):
    def setUp(self):
        self.draw = np.random.default_rng(11)
        self.a = self.draw.normal(size=(240, 6))
        self.b = self.a[:, :3] + 0.5 * self.draw.normal(size=(240, 3))

    def here(self, a, b, k=1, **more):
        frame = imbalance(a, b, k=k, ties="index", se="none", ranks=1, **more)
        there, back = (frame[frame["source"] == name]["value"].to_numpy() for name in "ab")
        return there, back

    def test_whole_lists_give_the_same_number(self):
        there, back = self.here(self.a, self.b, [1, 5])
        for position, k in enumerate((1, 5)):
            maxk = len(self.a) - 1
            self.assertAlmostEqual(there[position], limited(self.a, self.b, k, maxk, None), 14)
            self.assertAlmostEqual(back[position], limited(self.b, self.a, k, maxk, None), 14)

    def test_whole_numbers_tie_and_are_ordered_alike(self):
        a, b = np.round(self.a), np.round(self.b)
        self.assertAlmostEqual(self.here(a, b, 3)[0][0], limited(a, b, 3, len(a) - 1, None), 14)

    def test_short_lists_give_more(self):
        exact = self.here(self.a, self.b)[0][0]
        found = [limited(self.a, self.b, 1, 60, self.draw) for _ in range(20)]
        self.assertTrue((np.abs(np.array(found) - exact) > 1e-12).all())
        # Too high: drawn from all ranks beyond the list, where most true ones lie near its end.
        self.assertGreater(np.mean(found), 1.1 * exact)

    def test_the_mean_over_disjoint_subsets_is_that_of_runs_on_them(self):
        order = self.draw.permutation(len(self.a)).reshape(3, 80)
        values = [limited(self.a[rows], self.b[rows], 1, 79, None) for rows in order]
        here = [self.here(self.a[rows], self.b[rows])[0][0] for rows in order]
        self.assertAlmostEqual(np.mean(here), np.mean(values), 14)
        # The same in one run, of subsets that it draws itself.
        drawn = [limited(self.a[rows], self.b[rows], 1, 79, None) for rows in draw(len(self.a), 80, 3, 1)]
        there, _ = self.here(self.a, self.b, subsets={"size": 80, "count": 3, "seed": 1})
        self.assertAlmostEqual(there[0], np.mean(drawn), 14)
        # And it is another quantity than that of all samples: fewer of them lie farther apart.
        self.assertGreater(np.mean(here), self.here(self.a, self.b)[0][0])

    def test_dimensions_are_the_same_numbers(self):
        square = ((self.a[:, None] - self.a[None]) ** 2).sum(axis=2)
        near = np.sqrt(np.sort(square, axis=1)[:, 1:9])
        logs = np.sort(np.log(near[:, 1] / near[:, 0]))
        kept = int(len(logs) * 0.9)
        against = -np.log(1 - np.arange(1, kept + 1) / len(logs))
        fit = (logs[:kept] * against).sum() / (logs[:kept] ** 2).sum()
        frame = measure("dimension", self.a, method=["twonn-fit", "twonn"], se="none", ranks=1)
        found = frame.set_index("params.method")["value"]
        self.assertAlmostEqual(found["twonn-fit"], fit, 11)
        self.assertAlmostEqual(found["twonn"], (len(logs) - 1) / logs.sum(), 11)
        for scale in (2, 4):
            ratio = near[:, 2 * scale - 1] / near[:, scale - 1]
            low, high = np.quantile(ratio, [0.5, 0.95])
            self.assertTrue((ratio < low + 20 * (high - low)).all())  # DADApy would leave none out
            frame = measure("dimension", self.a, method="gride", n1=scale, se="none", ranks=1)
            d = frame["value"][0]
            slope = (len(ratio) - 1) / d - (
                ((1 - scale) / (1 - ratio**-d) + 2 * scale - 1) * np.log(ratio)).sum()
            self.assertAlmostEqual(slope / len(ratio), 0, 9)

    def test_label_overlap_is_the_unweighted_one(self):
        classes = (self.a[:, 0] > 0.8).astype(int)
        near = lists(self.a, 10)[:, 1:]
        share = (classes[near] == classes[:, None]).mean(axis=1)
        weight = 1 / np.bincount(classes)[classes]
        found = measure("overlap", self.a, labels=classes, k=10, ties="index", se="none", ranks=1)
        self.assertAlmostEqual(found["value"][0], share.mean(), 14)
        self.assertGreater(abs(found["value"][0] - (weight * share).sum() / weight.sum()), 0.01)
        sizes = np.maximum(1, (0.1 * np.bincount(classes)).astype(int))
        near = lists(self.a, sizes.max())[:, 1:]
        share = [(classes[near[i, :sizes[c]]] == c).mean() for i, c in enumerate(classes)]
        found = measure("overlap", self.a, labels=classes, class_fraction=0.1, ties="index",
                        se="none", ranks=1)
        self.assertAlmostEqual(found["value"][0], np.mean(share), 14)

    def test_features_against_each_other(self):
        columns = {f"x{j}": self.a[:, j] for j in range(3)}
        frame = measure("imbalance", columns, ties="index", se="none", ranks=1)
        self.assertEqual(len(frame), 6)
        for _, row in frame.iterrows():
            a, b = (columns[row[side]][:, None] for side in ("source", "target"))
            self.assertAlmostEqual(row["value"], limited(a, b, 1, len(a) - 1, None), 14)


if __name__ == "__main__":
    unittest.main()
