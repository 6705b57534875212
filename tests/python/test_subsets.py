"""`subsets` against the definition: the rows drawn anew, each subset measured by the brute force, the mean and its error."""

import os
import tempfile
import unittest

import h5py
import numpy as np

import brute
import brute_dense as dense
from test_dense import details, run, save

PROGRAM = os.environ.get("INFOSTRATA")
SAMPLES = 5  # the purpose of random words that say which rows
A, B, Y = brute.data_set_f()
SIZE, COUNT, SEED = 50, 4, 2


def draw(n, size, count, seed):
    """The rows of each subset: all rows by their words, cut into pieces, each in the order of the file (docs/manifest.md)."""
    order = np.argsort(brute.random_words(seed, SAMPLES, np.arange(n)), kind="stable")
    return np.sort(order[: size * count].reshape(count, size), axis=1)


def mean_and_error(values):
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Subsets(unittest.TestCase):
    def expect(self, row, values, close):
        mean, error = mean_and_error(values)
        self.assertEqual((row["status"], row["se_method"], int(row["n"])), ("ok", "subsets", SIZE), row)
        self.assertAlmostEqual(float(row["value"]), mean, delta=close, msg=str(row))
        self.assertAlmostEqual(float(row["std_error"]), error, delta=10 * close, msg=str(row))
        self.assertGreater(error, 1e-6)

    def test_mean_over_the_drawn_rows(self):
        drawn = f"subsets: {{size: {SIZE}, count: {COUNT}, seed: {SEED}}}"
        measures = [f"imbalance: {{layers: [a, b], ties: index, k: [1, 7], {drawn}}}", f"cka: {{layers: [a, b], {drawn}}}",
                    f"renyi: {{layers: [a], target: b, {drawn}}}", f"logdet: {{layers: [a], target: y, {drawn}}}",
                    f"mi-ross: {{layers: [b], target: y, {drawn}}}", f"dimension: {{layers: [a], {drawn}}}",
                    f"supervision-complexity: {{layers: [k], target: y, {drawn}}}"]
        kernel = dense.gaussian(A, 1.0) + 0.01 * np.eye(len(A))
        with tempfile.TemporaryDirectory(prefix="subsets ") as folder:
            save(folder, a=A, b=B, y=Y, k=kernel)
            rows, _ = run(folder, measures, ranks=2, layers="abk", labels="y")
            with h5py.File(os.path.join(folder, "out2", "results.h5")) as file:
                group = file["0-imbalance"]
                self.assertEqual([group.attrs[name] for name in ("subsets", "subset_size", "subset_seed")], [COUNT, SIZE, SEED])
                shown = group["value"][()]
                self.assertNotIn("se", group)
        subsets = draw(len(A), SIZE, COUNT, SEED)
        self.assertEqual(len(np.unique(subsets)), SIZE * COUNT)

        def over(function):
            return [function(A[s], B[s], Y[s]) for s in subsets]

        expected = [("imbalance", over(lambda a, b, y: brute.imbalance(a, b, 1, ties="index")), 1e-14),
                    ("imbalance", over(lambda a, b, y: brute.imbalance(a, b, 7, ties="index")), 1e-14),
                    ("imbalance", over(lambda a, b, y: brute.imbalance(b, a, 1, ties="index")), 1e-14),
                    ("imbalance", over(lambda a, b, y: brute.imbalance(b, a, 7, ties="index")), 1e-14),
                    ("cka", over(lambda a, b, y: dense.cka(a, b)), 1e-9),
                    ("renyi", over(lambda a, b, y: dense.renyi(a, b)["mi"]), 1e-8),
                    ("logdet", over(lambda a, b, y: dense.logdet(a, y, labels=True)), 1e-9),
                    ("mi-ross", over(lambda a, b, y: brute.mi_ross(b, y)), 1e-12),
                    ("dimension", over(lambda a, b, y: brute.dimension(a)), 1e-12),
                    ("supervision-complexity",
                     [dense.supervision_complexity(kernel[np.ix_(s, s)], Y[s])[0] for s in subsets], 1e-7)]
        firsts = [row for row in rows if row["quantity"] in ("imbalance", "similarity", "mi", "dimension", "complexity")]
        self.assertEqual([row["measure"] for row in firsts], [name for name, _, _ in expected])
        for row, (_, values, close) in zip(firsts, expected):
            self.expect(row, values, close)
            self.assertEqual({name: details(row)[name] for name in ("subsets", "subset_size", "subset_seed")},
                             {"subsets": str(COUNT), "subset_size": str(SIZE), "subset_seed": str(SEED)})
            self.assertNotIn("se", details(row))
        self.assertEqual(np.sort(shown[~np.isnan(shown)]).tolist(), sorted(float(row["value"]) for row in rows[:4]))

    def test_among_the_samples_of_the_job(self):
        some = np.sort(np.random.default_rng(3).choice(len(A), 120, replace=False))
        with tempfile.TemporaryDirectory(prefix="subsets ") as folder:
            save(folder, a=A, b=B, rows=some)
            rows, _ = run(folder, [f"imbalance: {{ties: index, subsets: {{size: 40, count: 3, seed: {SEED}}}}}"], layers="ab",
                          input="  samples: {rows: rows.npy}\n")
        for row, (x, y) in zip(rows, ((A, B), (B, A))):
            values = [brute.imbalance(x[some[s]], y[some[s]], 1, ties="index") for s in draw(120, 40, 3, SEED)]
            self.assertAlmostEqual(float(row["value"]), np.mean(values), delta=1e-14)

    def test_rows_far_apart_in_the_file(self):
        """They are read one by one: rows of 80 kB, most of them not wanted, in every kind of storage."""
        n, d, size = 60, 20000, 6
        rng = np.random.default_rng(8)
        arrays = {"npy": rng.normal(size=(n, d)).astype("f4"), "plain": rng.normal(size=(n, d)).astype("f4"),
                  "half": rng.normal(size=(n, 2 * d)).astype("f2"), "packed": rng.integers(-9, 9, size=(n, 4 * d)).astype("i1"),
                  "pooled": rng.normal(size=(n, 5, d // 5)).astype("f4")}
        with tempfile.TemporaryDirectory(prefix="subsets ") as folder:
            save(folder, npy=arrays["npy"])
            with h5py.File(os.path.join(folder, "x.h5"), "w") as file:
                file["plain"], file["pooled"] = arrays["plain"], arrays["pooled"]
                file.create_dataset("half", data=arrays["half"], chunks=(7, 2 * d))
                file.create_dataset("packed", data=arrays["packed"], chunks=(7, 4 * d), compression=1)
            stored = "".join(f'    {name}: "x.h5:/{name}"\n' for name in ("plain", "half", "packed"))
            rows, _ = run(folder, [f"imbalance: {{target: npy, ties: index, subsets: {{size: {size}, count: 2, seed: {SEED}}}}}"], ranks=2, layers=["npy"],
                          input=stored + '    pooled: {path: "x.h5:/pooled", pool: mean}\n')
        arrays["pooled"] = arrays["pooled"].astype(float).mean(axis=2)
        subsets = draw(n, size, 2, SEED)
        self.assertGreater(np.diff(subsets, axis=1).max(), 10)
        self.assertEqual(len(rows), 8)
        for row in rows:
            values = [brute.imbalance(arrays[row["source"]][s], arrays[row["target"]][s], 1, ties="index") for s in subsets]
            self.assertAlmostEqual(float(row["value"]), np.mean(values), delta=1e-14, msg=str(row))


if __name__ == "__main__":
    unittest.main()
