"""results.h5: opened by xarray, group by group, every number that results.csv has.

Needs the program: INFOSTRATA names it (tests/run.sh does).
"""

import os
import subprocess
import tempfile
import unittest
import warnings

import h5py
import numpy as np
import pandas as pd
import xarray

import support  # noqa: F401  (the package's path)

from infostrata_analysis import save
from infostrata_analysis.results import _pairs

PROGRAM = os.environ.get("INFOSTRATA")
COUNT = 60
SMALL, SPARSE = 1 << 22, 64
OWN = {"row", "per_slice"}


def run(folder, name, manifest, code=0):
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"version: 1\n{manifest}\noutput: {name}\n")
    done = subprocess.run([PROGRAM, "run", path, "--quiet"], capture_output=True, text=True,
                          timeout=120)
    if done.returncode != code:
        raise AssertionError(f"ended with {done.returncode}: {done.stderr}")
    return os.path.join(folder, name)


def groups(folder):
    """Return the names of the file's groups."""
    with h5py.File(os.path.join(folder, "results.h5")) as file:
        return list(file)


def coordinates(row, axes):
    """Return what tells a row of results.csv apart: axes, operands, k and params, all as text.

    Variables of the group have the names in OWN; a parameter may have that of an axis.
    """
    names = {f"axis.{axis}" if axis in OWN else axis: row[axis] for axis in axes}
    names |= {name: row[name] for name in ("quantity", "source", "source_at", "target",
                                           "target_at", "k")}
    for name, value in _pairs(row["params"]):
        names[f"params.{name}" if name in axes or name in OWN else name] = value
    return names


def as_text(value):
    """Return a coordinate as results.csv has it; a number as its float."""
    return value if isinstance(value, str) else float(value)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Arrays(unittest.TestCase):
    engine = None

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="arrays ")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        draw = np.random.default_rng(7)
        for seed in (0, 1, 2):
            a = draw.normal(size=(COUNT, 4)).astype(np.float32)
            layers = {"a": a, "b": a + draw.normal(size=a.shape).astype(np.float32),
                      "bad": np.full((COUNT, 2), np.nan, np.float32)}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a NaN is what is wanted
                save(os.path.join(cls.folder, f"net-{seed}.h5"), layers,
                     labels={"y": np.arange(COUNT) % 3, "z": np.arange(COUNT) % 2})

    def open(self, folder, group=None):
        opened = xarray.open_dataset(os.path.join(folder, "results.h5"), group=group,
                                     engine=self.engine)
        self.addCleanup(opened.close)
        return opened

    def compare(self, folder, axes=()):
        """Every row of results.csv stands where its names say, and nothing else is there."""
        table = pd.read_csv(os.path.join(folder, "results.csv"), dtype=str, keep_default_na=False)
        compared = 0
        for group in groups(folder):
            data = self.open(folder, group)
            self.assertEqual(data.attrs["measure"], group.split("-", 1)[1])
            self.assertEqual(data["value"].dims, data["row"].dims)
            rows = data["row"].to_numpy()
            for row in np.unique(rows[rows >= 0]):
                for place in zip(*np.nonzero(rows == row)):
                    at = data.isel(dict(zip(data["row"].dims, map(int, place))))
                    self.same(at, table.iloc[row], axes)
                compared += 1
            absent = rows < 0
            self.assertTrue((data["status"].to_numpy()[absent] == -1).all())
            self.assertTrue(np.isnan(data["value"].to_numpy()[absent]).all())
            self.assertTrue(np.isnan(data["std_error"].to_numpy()[absent]).all())
        self.assertEqual(compared, len(table))
        self.assertGreater(compared, 0)
        return table

    def same(self, at, row, axes):
        failed = row["status"] == "failed"
        self.assertEqual(int(at["status"]), int(failed))
        for name in ("value", "std_error"):
            expected = float(row[name]) if row[name] else np.nan
            np.testing.assert_array_equal(float(at[name]), expected)
        for name, expected in coordinates(row, axes).items():
            if name not in at.coords:
                self.assertIn(expected, ("", str(at.attrs.get(name, ""))), name)
            elif not (failed and name == "quantity"):
                found = as_text(at.coords[name].item())
                if expected or isinstance(found, str):  # else a parameter that plays no part
                    self.assertEqual(type(found)(expected), found, name)

    def test_no_grid_both_directions_sweep_of_k(self):
        folder = run(self.folder, "plain",
                     "input: {file: net-0.h5, layers: [a, b]}\n"
                     "measures:\n  - imbalance: {k: [5, 1], ties: [index, random]}\n")
        self.assertEqual(len(self.compare(folder)), 8)
        data = self.open(folder, "0-imbalance")
        self.assertEqual(data["value"].dims, ("source", "target", "k", "ties"))
        self.assertEqual(data["k"].to_numpy().tolist(), [5, 1])
        self.assertEqual(data["metric"].item(), "euclidean")  # one value: a scalar coordinate
        self.assertEqual(data["value"].attrs["units"], "ratio")
        self.assertFalse(np.isnan(data["value"].sel(source="a", target="b", k=5, ties="index")))
        self.assertTrue(np.isnan(data["value"].sel(source="a", target="a")).all())

    def test_grid_labels_quantities_failures_and_parameters_that_say_nothing(self):
        folder = run(
            self.folder, "many",
            "grid: {seed: [0, 2], row: [x, y]}\n"
            "exclude: [{seed: 2, row: y}]\n"
            "input: {file: 'net-{seed}.h5', layers: [a, b, bad], labels: [y, z]}\n"
            "measures:\n"
            "  - imbalance: {layers: [a, b], against: {seed: others}, where: {row: x}}\n"
            "  - overlap: {layers: [a, b], target: [y, b], k: [3, 4]}\n"
            "  - dimension: {layers: [a, bad], method: [twonn, mle], k: [5, 6], where: {row: x}}\n"
            "  - mi-sliced: {layers: [b, bad], target: [y, z], slices: [4, 9], max: true,"
            " per_slice: true, where: {seed: 0, row: x}}\n", code=4)
        table = self.compare(folder, axes=("seed", "row"))
        self.assertIn("failed", set(table["status"]))
        self.assertEqual(set(table["quantity"]), {"imbalance", "overlap", "dimension", "mi",
                                                  "mi-max", ""})
        against = self.open(folder, "0-imbalance")
        self.assertEqual(against["value"].dims, ("seed", "axis.row", "source", "source_at",
                                                 "target", "target_at"))
        self.assertEqual(against["target_at"].to_numpy().tolist(), ["", "seed=2"])
        self.assertIn("params.seed", against.coords)  # the axis has the name
        dimension = self.open(folder, "2-dimension")["value"].sel(source="a", seed=0)
        two = dimension.sel({"method": "twonn"}).to_numpy()
        self.assertFalse(np.isnan(two).any())  # twonn has no k: it stands at both
        self.assertEqual(len(np.unique(two)), 1)
        slices = self.open(folder, "3-mi-sliced")
        self.assertEqual(slices["per_slice"].dims[-1], "slice")
        found = slices.sel(quantity="mi", source="b", target="y").squeeze()
        np.testing.assert_allclose(found["per_slice"].mean("slice"), found["value"], rtol=1e-12)
        np.testing.assert_array_equal(found["per_slice"].sel(slices=4)[:4],
                                      found["per_slice"].sel(slices=9)[:4])
        self.assertTrue(np.isnan(found["per_slice"].sel(slices=4)[4:]).all())

    def test_an_array_that_would_be_nearly_empty_is_a_list(self):
        count = 162
        self.assertGreater(count**3, max(SMALL, SPARSE * count))
        values = ", ".join(map(str, range(count)))
        folder = run(self.folder, "list",
                     f"grid: {{one: [{values}], two: [{values}], three: [{values}]}}\n"
                     "zip: [[one, two, three]]\ninput: {file: net-0.h5, layers: [a]}\n"
                     "measures: [dimension: {se: none}]\n")
        data = self.open(folder, "0-dimension")
        self.assertEqual(dict(data.sizes), {"record": count})
        self.assertEqual(data["one"].dims, ("record",))
        table = pd.read_csv(os.path.join(folder, "results.csv"))
        np.testing.assert_array_equal(data["value"], table["value"][data["row"]])
        np.testing.assert_array_equal(data["one"], table["one"][data["row"]])
        self.assertEqual(set(data["source"].to_numpy()), {"a"})

    def test_provenance(self):
        folder = run(self.folder, "origin", "name: where\n"
                     "input: {file: net-0.h5, layers: [a, b]}\nmeasures: [imbalance: {}]\n")
        attributes = self.open(folder).attrs
        self.assertEqual(attributes["title"], "where")
        with open(folder + ".yaml", encoding="utf-8") as file:
            self.assertEqual(attributes["manifest"], file.read())
        self.assertIn("infostrata", attributes["written_by"])
        self.assertRegex(attributes["inputs"], r"^[0-9a-f]{32} \.\./net-0\.h5:/layers/a\n")

    def test_both_readers_of_xarray(self):
        folder = run(self.folder, "readers", "input: {file: net-0.h5, layers: [a, b]}\n"
                     "measures: [imbalance: {k: [1, 2]}]\n")
        read = [xarray.load_dataset(os.path.join(folder, "results.h5"), group="0-imbalance",
                                    engine=engine) for engine in ("h5netcdf", "netcdf4")]
        xarray.testing.assert_identical(*read)
        self.assertEqual(read[0]["source"].to_numpy().tolist(), ["a", "b"])


if __name__ == "__main__":
    unittest.main()
