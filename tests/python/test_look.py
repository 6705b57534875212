"""`infostrata info` and `check --data`: files whose faults are known.

Needs the program: INFOSTRATA names it (tests/run.sh does).
"""

import os
import re
import shlex
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

import support  # noqa: F401  (the package's path)

PROGRAM = os.environ.get("INFOSTRATA")
COUNT = 200


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Look(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="look ")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.draw = np.random.default_rng(3)

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, **datasets):
        """Write datasets given as path__with__slashes=array or (array, options)."""
        with h5py.File(self.path(name), "w") as file:
            for key, given in datasets.items():
                values, options = given if isinstance(given, tuple) else (given, {})
                file.create_dataset(key.replace("__", "/"), data=values, **options)
        return self.path(name)

    def program(self, code, *arguments):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                              cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def check(self, code, layers, labels="", more=""):
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            file.write(f"version: 1\ninput: {{file: a.h5, layers: {layers}{labels}{more}}}\n"
                       "measures: [dimension: {}, entropy-kl: {metric: chebyshev}]"
                       "\noutput: out\n")
        return self.program(code, "check", "--data", "job.yaml")

    def normals(self, *shape):
        return self.draw.normal(size=shape).astype(np.float32)

    def test_every_value_is_looked_at(self):
        good, bad = self.normals(COUNT, 6), self.normals(COUNT, 5)
        bad[17, 2], bad[30, :2], bad[31, 4] = np.nan, np.nan, -np.inf
        dull = self.normals(COUNT, 8)
        dull[:, [3, 5, 7]] = 2.5
        again = self.normals(COUNT, 3)
        again[50:60] = again[7]
        again[100:104] = 0
        again[102, 1] = -0.0
        self.file("a.h5", layers__good=good, layers__bad=bad, layers__dull=dull,
                  layers__again=again, labels__one=np.zeros(COUNT, int),
                  labels__rare=np.r_[np.arange(COUNT - 1) % 2, 9])
        text = self.check(2, "[good, bad, dull, again]", ", labels: [one, rare]")
        self.assertIn("/layers/bad: 3 NaN and 1 Inf, the first in row 17", text)
        self.assertIn("/layers/dull: 3 of 8 columns constant, the first is 3", text)
        self.assertIn("/layers/again: 13 of 200 rows equal an earlier one; 4 rows all zero", text)
        self.assertNotIn("/layers/good", text)
        self.assertIn("4 layers read, 4400 values: 3 with remarks, 1 that cannot be used", text)
        # Without --data, no value is read.
        self.assertNotIn("NaN", self.program(0, "check", "job.yaml"))

    def test_labels_that_say_little(self):
        self.file("a.h5", layers__good=self.normals(COUNT, 6), labels__one=np.zeros(COUNT, int),
                  labels__rare=np.r_[np.arange(COUNT - 1) % 2, 9])
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\ninput: {file: a.h5, layers: [good], labels: [one, rare]}\n"
                       "measures: [imbalance: {target: [one, rare]}]\noutput: out\n")
        text = self.program(0, "check", "--data", "job.yaml")
        self.assertIn("/labels/one: all samples have the same label", text)
        self.assertIn("/labels/rare: 3 classes, some of one sample", text)

    def test_only_the_samples_of_the_job_and_pooled_values(self):
        images = self.normals(COUNT, 2, 3, 3)
        images[150, 0, 0, 0] = np.nan  # beyond the first 100
        images[:, 1] -= images[:, 1].mean(axis=(1, 2), keepdims=True)
        images[:, 1] = np.round(images[:, 1]) * 0 + 1  # a constant channel
        self.file("a.h5", layers__images=images)
        text = self.check(0, "{images: {path: /layers/images, pool: mean}}",
                          more=", samples: {first: 100}")
        self.assertIn("1 of 2 columns constant, the first is 1", text)
        self.assertIn("1 layers read, 200 values", text)

    def test_integers_that_would_be_rounded(self):
        values = np.arange(3 * COUNT).reshape(COUNT, 3)
        values[4, 1] = 2**53 + 1
        self.file("a.h5", layers__wide=values)
        self.assertIn("row 4: an integer is beyond 2^53", self.check(2, "[wide]"))

    def test_chunks_that_are_slow_and_the_line_that_mends_them(self):
        values = self.normals(COUNT, 6, 40)
        self.file("a.h5", layers__cut=(values[:, 0], {"chunks": (50, 7)}),
                  layers__fine=(values[:, 1], {"chunks": (100, 40), "compression": "gzip"}),
                  layers__small=(self.normals(2000, 3), {"chunks": (1, 3)}),
                  acts=(values, {"chunks": (50, 6, 40)}))
        layers = ("{cut: /layers/cut, fine: /layers/fine, small: '/layers/small[:200]',"
                  " act: '/acts[:, 2, :]'}").replace("[:200]", "")
        text = self.check(0, layers, more=", samples: {first: 200}")
        self.assertIn("/layers/cut: chunks cut the rows (50 x 7)", text)
        self.assertIn("/layers/small: chunks are small (1 x 3)", text)
        self.assertIn("/acts: chunks also hold entries that this layer does not use (50 x 6 x 40)",
                      text)
        self.assertNotIn("fine", text)
        options = re.findall(r"h5repack (-l '[^']*') '", text)
        self.assertEqual(len(options), 3, text)
        subprocess.run(["h5repack", *shlex.split(" ".join(options)), "a.h5", "b.h5"], check=True,
                       cwd=self.folder, timeout=60)
        os.replace(self.path("b.h5"), self.path("a.h5"))
        self.assertNotIn("h5repack", self.check(0, layers, more=", samples: {first: 200}"))

    def test_info_of_hdf5(self):
        path = self.file("a.h5", layers__fc=(self.normals(COUNT, 6).astype(np.float16),
                                             {"chunks": (50, 6), "compression": "gzip"}),
                         labels__y=np.arange(COUNT) % 3 + 4, names=[b"one", b"two"],
                         empty=np.zeros((0, 4)))
        with h5py.File(path, "a") as file:
            file.attrs["epoch"] = 30
            file.attrs["net"] = "a\x1b[31m"
            file["layers/fc"].attrs["layer_index"] = 2
            file["far"] = h5py.ExternalLink("other.h5", "/x")
            file["near"] = h5py.SoftLink("/layers/fc")
        text = self.program(0, "info", path)
        for line in (": HDF5, ", "attributes: epoch = 30, net = \"a\\x1b[31m\"",
                     "/layers/fc  float16, 200 x 6, chunks 50 x 6, deflate; layer_index = 2",
                     "/labels/y  int64, 200, contiguous; 3 classes from 4 to 6, of 66 to 67 samples",
                     "/names  not read: the type is text", "/empty  float64, 0 x 4",
                     "/far  a link to another file", "/near  a soft link"):
            self.assertIn(line, text)
        self.assertNotIn("\x1b", text)

    def test_info_of_npy_of_results_and_of_what_is_neither(self):
        np.save(self.path("a.npy"), np.asfortranarray(self.normals(COUNT, 6)))
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\ninput: {layers: {a: a.npy}}\nmeasures: [dimension: {}]\n"
                       "output: out\n")
        self.program(0, "run", "job.yaml", "--quiet")
        text = self.program(2, "info", "a.npy", "job.yaml", "out/results.h5", "nowhere.h5")
        self.assertIn("a.npy: .npy, float32, 200 x 6, Fortran order\n", text)
        self.assertIn("/0-dimension/value  float64, 1", text)
        self.assertIn("job.yaml: is no HDF5 file", text)
        self.assertIn("nowhere.h5", text)
        self.assertIn("needs a file: infostrata info acts.h5", self.program(2, "info"))


if __name__ == "__main__":
    unittest.main()
