"""jobs/million.yaml and its generator, at sizes that take seconds."""

import csv
import os
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

from support import ROOT

PROGRAM = os.environ.get("INFOSTRATA")
MAKE_DATA = os.path.join(ROOT, "jobs", "million", "make_data.py")


def square_distances(rows):
    """Return the N x N squared distances in float64, infinite from a row to itself."""
    rows = rows.astype(np.float64)
    square = ((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    return square


def rank_sum(source, target):
    """Return the sum of the ranks, in `target`, of the nearest in `source`."""
    first = square_distances(source).argmin(axis=1)
    ranks = square_distances(target).argsort(axis=1).argsort(axis=1) + 1
    return int(ranks[np.arange(len(first)), first].sum())


class Million(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="million ")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def make(self, samples, name="million.h5"):
        path = os.path.join(self.folder, name)
        done = subprocess.run([sys.executable, MAKE_DATA, "--samples", str(samples), "--output", path],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(path) as file:
            return {name: file[name][...] for name in ("layers/hidden", "layers/logits", "labels/class")}

    def infostrata(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_sample_does_not_depend_on_how_many_there_are(self):
        more, fewer = self.make(20500, "more.h5"), self.make(10100, "fewer.h5")
        for name, rows in fewer.items():
            np.testing.assert_array_equal(more[name][:10100], rows)
        hidden, logits, labels = more.values()
        self.assertEqual((hidden.shape, hidden.dtype), ((20500, 64), np.float32))
        self.assertEqual((logits.shape, logits.dtype), ((20500, 10), np.float32))
        self.assertEqual(np.unique(labels).tolist(), list(range(10)))
        self.assertEqual(len(np.unique(hidden, axis=0)), 20500)

    @unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
    def test_the_job_gives_both_directions_and_the_labels(self):
        data = self.make(500)
        job = os.path.join(self.folder, "million.yaml")
        self.assertIn("1 cell, 4 tasks, 2 layers and 1 label vector ", self.infostrata("check", job))
        self.assertIn("500", self.infostrata("plan", job))
        self.infostrata("run", job, "--quiet")
        with open(os.path.join(self.folder, "results", "results.csv"), newline="") as file:
            rows = {(row["source"], row["target"]): row for row in csv.DictReader(file)}
        self.assertEqual(sorted(rows), [("hidden", "class"), ("hidden", "logits"),
                                        ("logits", "class"), ("logits", "hidden")])
        for source, target in (("hidden", "logits"), ("logits", "hidden")):
            detail = dict(part.split("=") for part in rows[source, target]["detail"].split(";"))
            expected = rank_sum(data["layers/" + source], data["layers/" + target])
            self.assertEqual(int(detail["rank_sum"]), expected)
        value = {pair: float(row["value"]) for pair, row in rows.items()}
        self.assertTrue(all(0 < number < 1.05 for number in value.values()), value)
        self.assertLess(value["hidden", "logits"], value["logits", "hidden"])

    def test_the_manifest_names_what_the_generator_writes(self):
        with open(os.path.join(ROOT, "jobs", "million.yaml"), encoding="utf-8") as file:
            self.assertIn("\n  file: ../results/million-data/million.h5\n", file.read())


if __name__ == "__main__":
    unittest.main()
