"""From a PyTorch network through the C program to pandas, against brute force.

Needs the program: INFOSTRATA names it (tests/run.sh does).
"""

import os
import subprocess
import tempfile
import unittest

import h5py
import numpy as np
import torch
from torch import nn

import support  # noqa: F401  (the package's path)

from infostrata_analysis import export, load, load_timings, save

PROGRAM = os.environ.get("INFOSTRATA")
MANIFEST = """\
version: 1
grid:
  seed: [0, 1]
input:
  file: net-{seed}.h5
  layers: {hidden: /layers/relu, logits: /layers/logits, pixels: "data.h5:/layers/pixels"}
  labels: [label]
measures:
  - imbalance: {layers: [hidden, logits, pixels], k: [1, 4], ties: index}
  - imbalance: {layers: [hidden], against: {seed: others}, ties: index}
  - imbalance: {layers: [logits], target: label, ties: index}
output: results
"""


def distances(rows):
    """Return the N x N squared distances in float64, infinite from a row to itself."""
    rows = rows.reshape(len(rows), -1).astype(np.float64)
    square = ((rows[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    return square


def rank_sum(source, target, k):
    """Return the sum of the ranks in `target` of the k nearest in `source`, ties by index."""
    order = np.argsort(distances(source), axis=1, kind="stable")[:, :k]
    ranks = np.argsort(np.argsort(distances(target), axis=1, kind="stable"), axis=1) + 1
    return int(np.take_along_axis(ranks, order, axis=1).sum())


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class RoundTrip(unittest.TestCase):
    count = 150

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="round trip ")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        pixels = torch.randint(0, 256, (cls.count, 1, 4, 4), dtype=torch.uint8)
        labels = torch.arange(cls.count) % 5
        save(os.path.join(cls.folder, "data.h5"), {"pixels": pixels.numpy()})
        for seed in (0, 1):
            torch.manual_seed(seed)
            net = nn.Sequential()
            net.add_module("conv", nn.Conv2d(1, 3, 2))
            net.add_module("relu", nn.ReLU(inplace=True))
            net.add_module("flat", nn.Flatten())
            net.add_module("logits", nn.Linear(27, 5))
            batches = [(rows.float() / 255, classes)
                       for rows, classes in zip(pixels.split(40), labels.split(40))]
            export(net, batches, ["relu", "logits"], os.path.join(cls.folder, f"net-{seed}.h5"),
                   meta={"test_error": 0.25 + seed, "kind": "text is no column"})
        path = os.path.join(cls.folder, "job.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(MANIFEST)
        cls.done = subprocess.run([PROGRAM, "run", path], capture_output=True, text=True,
                                  timeout=120)
        cls.frame = load(os.path.join(cls.folder, "results")) if not cls.done.returncode else None

    def setUp(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)

    def rows(self, name, seed):
        file = "data.h5" if name == "pixels" else f"net-{seed}.h5"
        path = {"hidden": "layers/relu", "logits": "layers/logits", "pixels": "layers/pixels"}[name]
        with h5py.File(os.path.join(self.folder, file)) as opened:
            return opened[path][...]

    def test_rank_sums_inside_a_network(self):
        own = self.frame[self.frame["source_at"].isna() & self.frame["target_at"].isna()
                         & (self.frame["target"] != "label")]
        self.assertEqual(len(own), 2 * 6 * 2)
        for _, row in own.iterrows():
            found = rank_sum(self.rows(row["source"], row["seed"]),
                             self.rows(row["target"], row["seed"]), row["k"])
            self.assertEqual(row["detail.rank_sum"], found)
            self.assertAlmostEqual(row["value"], 2 * found / (self.count**2 * row["k"]), 14)

    def test_rank_sums_between_two_networks(self):
        there = self.frame[self.frame["target_at"] == "seed=1"]
        back = self.frame[self.frame["source_at"] == "seed=1"]
        self.assertEqual((len(there), len(back)), (1, 1))
        first, second = self.rows("hidden", 0), self.rows("hidden", 1)
        self.assertEqual(there["detail.rank_sum"].item(), rank_sum(first, second, 1))
        self.assertEqual(back["detail.rank_sum"].item(), rank_sum(second, first, 1))

    def test_labels_meta_and_kinds_of_columns(self):
        labels = self.frame[self.frame["target"] == "label"]
        self.assertEqual(len(labels), 2)
        self.assertEqual(self.frame["seed"].dtype.kind, "i")
        self.assertTrue((self.frame["meta.test_error"] == 0.25 + self.frame["seed"]).all())
        self.assertEqual([name for name in self.frame if name.startswith("meta.")],
                         ["meta.test_error"])
        self.assertEqual(set(self.frame["params.ties"]), {"index"})
        self.assertTrue((self.frame["status"] == "ok").all())

    def test_timings(self):
        timings = load_timings(os.path.join(self.folder, "results"))
        self.assertEqual(timings["seconds"].dtype.kind, "f")
        # Two passes for each of five distinct layers, the shared input among them once.
        self.assertEqual(len(timings), 10)


if __name__ == "__main__":
    unittest.main()
