"""jobs/ntk: the tangent kernel is that of the network's derivatives, and mislabelled images are found."""

import importlib.util
import os
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

from support import ROOT

PROGRAM = os.environ.get("INFOSTRATA")
FOLDER = os.path.join(ROOT, "jobs", "ntk")


def script(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(FOLDER, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Ntk(unittest.TestCase):
    def test_from_images_to_samples(self):
        make, show = script("make_ntk"), script("show_samples")
        with tempfile.TemporaryDirectory(prefix="ntk ") as folder:
            data = os.path.join(folder, "ntk")
            os.makedirs(data)

            class Asked:
                samples, tests, noise, seed = 80, 10, 0.1, 0
            with h5py.File(os.path.join(data, "ntk.h5"), "w") as file:
                make.write(file, Asked)
                kernel, wrong = file["layers/ntk"][:], file["labels/wrong"][:]
                self.assertEqual(file["ntk/test"].shape, (10, 80))
            np.testing.assert_allclose(kernel, kernel.T, 1e-12)
            self.assertEqual(wrong.sum(), 8)
            with open(os.path.join(FOLDER, "ntk.yaml"), encoding="utf-8") as file:
                text = file.read().replace("../../results/ntk", data)
            manifest = os.path.join(folder, "ntk.yaml")
            with open(manifest, "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run([PROGRAM, "run", manifest], check=True, capture_output=True, timeout=100)
            results = os.path.join(data, "results", "results.h5")
            self.assertGreaterEqual(show.ranked(show.by_sample(results, "information"), wrong)[1], 0.5)
            self.assertGreaterEqual(show.ranked(show.by_sample(results, "loo-residual"), wrong)[1], 0.5)


if __name__ == "__main__":
    unittest.main()
