"""imbalance(), measure(): arrays in, a table out.

Needs the program: INFOSTRATA names it (tests/run.sh does).
"""

import os
import tempfile
import unittest
import warnings

import numpy as np
import torch

import support  # noqa: F401  (the package's path)

from infostrata_analysis import RunError, imbalance, measure

PROGRAM = os.environ.get("INFOSTRATA")


def expected(a, b, k):
    """Return the imbalance a -> b by brute force; no two distances are equal."""
    def order(rows):
        square = ((rows[:, None] - rows[None]).astype(float) ** 2).sum(axis=2)
        np.fill_diagonal(square, np.inf)
        return np.argsort(square, axis=1)
    ranks = np.argsort(order(b), axis=1) + 1
    return 2 * np.take_along_axis(ranks, order(a)[:, :k], axis=1).sum() / (len(a) ** 2 * k)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Measure(unittest.TestCase):
    def setUp(self):
        draw = np.random.default_rng(2)
        self.a = draw.normal(size=(90, 3))
        self.b = self.a[:, :2] + draw.normal(size=(90, 2))
        self.y = (self.a[:, 0] > 0).astype(int)

    def test_both_directions_of_two_arrays(self):
        frame = imbalance(self.a, torch.from_numpy(self.b), k=[1, 4], ranks=2)
        self.assertEqual(len(frame), 4)
        arrays = {"a": self.a, "b": self.b}
        for _, row in frame.iterrows():
            value = expected(arrays[row["source"]], arrays[row["target"]], row["k"])
            self.assertAlmostEqual(row["value"], value, 14)
        # That row i is the same sample in both is what the call says. Ten parts of nine are too small.
        self.assertEqual(set(frame["note"]), {"parts-too-small"})
        self.assertEqual(imbalance(self.a, self.b, se="none", ranks=1)["note"].tolist(), ["", ""])

    def test_labels_dicts_and_other_measures(self):
        frame = imbalance(self.a, labels=self.y, ranks=1)
        self.assertEqual(frame["target"].tolist(), ["labels"])
        self.assertLess(frame["value"][0], 1)
        frame = measure("dimension", {"one": self.a, "7": self.b}, ranks=1)
        self.assertEqual(frame["source"].tolist(), ["one", "7"])
        frame = measure("mi-ross", {"one": self.a}, labels={"up": self.y}, k=np.int64(3), ranks=1,
                        null={"permutations": 9})
        self.assertEqual((frame["target"][0], frame["k"][0]), ("up", 3))
        self.assertGreater(frame["value"][0], frame["detail.null_mean"][0])

    def test_refusals_are_errors_with_the_programs_words(self):
        with self.assertRaisesRegex(RunError, "unknown key 'n_neighbors'.*did you mean 'k'"):
            imbalance(self.a, self.b, n_neighbors=3, ranks=1)
        with self.assertRaisesRegex(RunError, "^'a' has 90 samples, but 'b' has 80: row i must"):
            imbalance(self.a, self.b[:80], ranks=1)
        with self.assertRaisesRegex(RunError, "^'one' has 90 samples, but 'y' has 89"):
            imbalance({"one": self.a}, labels={"y": self.y[1:]}, ranks=1)
        with self.assertRaises(RunError) as refused:  # of mpirun, the program's words alone
            imbalance(self.a, self.b, k=90, ranks=2)
        self.assertRegex(str(refused.exception), "k = 90")
        self.assertNotIn("mpirun", str(refused.exception))
        with self.assertRaisesRegex(TypeError, "one target"):
            imbalance(self.a, self.b, labels=self.y)
        with self.assertRaisesRegex(TypeError, "numbers"):
            imbalance(self.a, np.array(["x"] * 90))
        with self.assertRaisesRegex(FileNotFoundError, "nowhere"):
            imbalance(self.a, self.b, ranks=1, program="/nowhere/infostrata")

    def test_failed_records_are_rows_and_a_warning(self):
        self.b[5] = np.nan
        with self.assertWarnsRegex(UserWarning, "2 of 2 records failed.*NaN"):
            frame = imbalance(self.a, self.b, ranks=1)
        self.assertEqual(set(frame["status"]), {"failed"})

    def test_a_folder_is_kept_and_continued(self):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error")
            first = imbalance(self.a, self.b, folder=folder, ranks=1)
            second = imbalance(self.a, self.b, k=[1, 2], folder=folder, ranks=1)
            self.assertEqual(second[second["k"] == 1]["value"].tolist(), first["value"].tolist())
            with open(os.path.join(folder, "results", "journal.jsonl"), encoding="utf-8") as file:
                tasks = [line for line in file if '"kind":"task"' in line]
            self.assertEqual(len(tasks), 4)  # the first two were not computed again


if __name__ == "__main__":
    unittest.main()
