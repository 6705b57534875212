"""The quickstart's trainer, manifest, figures and sentences, on tiny settings."""

import contextlib
import dataclasses
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np
import pandas as pd

from support import ROOT, write_results

from infostrata_analysis import load
from infostrata_analysis.quickstart import __main__ as command
from infostrata_analysis.quickstart import curves, figures, images, models, report, training

TINY = dataclasses.replace(training.SMALL, widths=(4,), train_images=60, test_images=50, epochs=2,
                           batch=20)
TEMPLATE = os.path.join(ROOT, "jobs", "quickstart", "quickstart.yaml")


def write_idx(folder, counts):
    """Write small files in the format of Fashion-MNIST: random pixels, classes in turn."""
    random = np.random.default_rng(0)
    for split, count in counts.items():
        image_file, label_file = images.FILES[split]
        pixels = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        classes = (np.arange(count) % 10).astype(np.uint8)
        for name, array in ((image_file, pixels), (label_file, classes)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            with open(os.path.join(folder, name), "wb") as file:
                file.write(header + array.tobytes())


class Folder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="with space ")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.data = os.path.join(self.folder, "data")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)


class Labels(unittest.TestCase):
    def test_exactly_the_fraction_is_wrong_and_no_other_label_is_touched(self):
        clean = np.arange(1000) % 10
        for noise in (0.0, 0.2, 0.5):
            given = images.noisy_labels(clean, noise, seed=3)
            self.assertEqual((given != clean).sum(), round(noise * 1000))
            self.assertTrue(((given >= 0) & (given < 10)).all())
        np.testing.assert_array_equal(images.noisy_labels(clean, 0.2, 3),
                                      images.noisy_labels(clean, 0.2, 3))
        self.assertTrue((images.noisy_labels(clean, 0.2, 3)
                         != images.noisy_labels(clean, 0.2, 4)).any())

    def test_every_other_class_occurs_among_the_wrong(self):
        given = images.noisy_labels(np.zeros(5000, int), 0.5, seed=0)
        counts = np.bincount(given, minlength=10)
        self.assertEqual(counts[0], 2500)
        self.assertTrue((counts[1:] > 200).all())

    def test_random_labels_know_nothing(self):
        clean = np.arange(5000) % 10
        agree = (images.random_labels(5000, 1) == clean).mean()
        self.assertLess(abs(agree - 0.1), 0.03)


class Images(Folder):
    def test_read(self):
        write_idx(self.folder, {"train": 30, "test": 20})
        pixels, labels = images.read_split("train", 25, self.folder)
        self.assertEqual((pixels.shape, pixels.dtype), ((25, 784), np.uint8))
        self.assertEqual(labels.tolist(), [i % 10 for i in range(25)])

    def test_too_few_images_and_no_images(self):
        write_idx(self.folder, {"train": 30, "test": 20})
        with self.assertRaisesRegex(ValueError, "30 images .* 31 of each"):
            images.read_split("train", 31, self.folder)
        with self.assertRaisesRegex(FileNotFoundError, "dataset-fashion-mnist"):
            images.find_folder(self.path("nowhere"))

    def test_a_truncated_file(self):
        write_idx(self.folder, {"train": 30, "test": 20})
        with open(self.path(images.FILES["train"][0]), "r+b") as file:
            file.truncate(1000)
        with self.assertRaisesRegex(ValueError, "1000 bytes long"):
            images.read_split("train", 25, self.folder)


class Training(Folder):
    def setUp(self):
        super().setUp()
        write_idx(self.folder, {"train": 60, "test": 50})
        os.mkdir(self.data)

    def train(self, network, data="data"):
        os.makedirs(self.path(data, "acts"), exist_ok=True)
        return training.train_one(TINY, network, self.path(data), self.folder)

    def layers(self, network, split="test", data="data"):
        with h5py.File(network.file(self.path(data), split)) as file:
            return {name: file["layers"][name][...] for name in file["layers"]}

    def test_the_same_seed_gives_the_same_bits(self):
        network = training.Network("noise", 0.2, 4, 1)
        self.assertEqual(self.train(network), self.train(network, "again"))
        for split in images.FILES:
            one, two = (self.layers(network, split, place) for place in ("data", "again"))
            self.assertEqual(sorted(one), ["hidden1", "hidden2", "logits"])
            for name in one:
                np.testing.assert_array_equal(one[name], two[name])

    def test_what_a_file_holds(self):
        network = training.Network("noise", 0.2, 4, 0)
        found = self.train(network)
        self.assertEqual(self.layers(network)["hidden2"].shape, (50, 4))
        self.assertEqual(self.layers(network, "train")["logits"].shape, (60, 10))
        with h5py.File(network.file(self.data, "train")) as file:
            self.assertEqual(dict(file.attrs), found)
            clean = images.read_split("train", 60, self.folder)[1]
            self.assertEqual((file["labels/given"][...] != clean).sum(), 12)
        logits = self.layers(network)["logits"]
        clean = images.read_split("test", 50, self.folder)[1]
        self.assertAlmostEqual(found["test_error"], (logits.argmax(1) != clean).mean())
        self.assertEqual(found["parameters"], 784 * 4 + 4 + 16 + 4 + 40 + 10)

    def test_epochs_that_are_kept(self):
        course = dataclasses.replace(TINY, kept=(0, 1, 2))
        network, untrained = (training.Network(*key) for key in (
            ("noise", 0.2, 4, 0), ("untrained", 0.0, 4, 0)))
        for data, recipe in (("data", course), ("plain", TINY)):
            os.makedirs(self.path(data, "acts"), exist_ok=True)
            for one in (network, untrained):
                training.train_one(recipe, one, self.path(data), self.folder)
        self.assertTrue(network.exported(course, self.data))
        self.assertEqual(untrained.kept(course), ())
        kept = [self.read(network.file(self.data, "train", epoch)) for epoch in course.kept]
        for epoch, same in ((0, untrained), (2, network)):
            np.testing.assert_array_equal(
                kept[epoch], self.read(same.file(self.path("plain"), "train")))
        self.assertTrue((kept[1] != kept[0]).any() and (kept[1] != kept[2]).any())
        os.unlink(network.file(self.data, "train", 1))
        self.assertFalse(network.exported(course, self.data))

    def read(self, path):
        with h5py.File(path) as file:
            return file["layers/hidden2"][...]

    def test_twins_start_alike_and_end_apart_and_hidden_layers_are_rectified(self):
        untrained, clean, noisy, other = (training.Network(*key) for key in (
            ("untrained", 0.0, 4, 0), ("noise", 0.0, 4, 0), ("noise", 0.2, 4, 0),
            ("untrained", 0.0, 4, 1)))
        first, second = (models.new("dense", network.width, training._seed(network, 0))
                         for network in (untrained, noisy))
        for one, two in zip(first.parameters(), second.parameters()):
            self.assertTrue((one == two).all())
        for network in (untrained, clean, noisy, other):
            self.train(network)
        ends = [self.layers(network)["hidden2"] for network in (untrained, clean, noisy, other)]
        self.assertTrue(all((end >= 0).all() for end in ends))
        for i in range(4):
            for j in range(i):
                self.assertTrue((ends[i] != ends[j]).any())

    def test_all_networks_resume_and_another_recipe(self):
        lines = []
        count = len(training.networks(TINY))
        self.assertEqual(count, 4)
        trained = training.train_all(TINY, self.data, 1, self.folder, lines.append)
        self.assertEqual(trained, count)
        self.assertEqual(len(lines), count)
        lost = training.networks(TINY)[1]
        os.unlink(lost.file(self.data, "train"))
        trained = training.train_all(TINY, self.data, 1, self.folder, lines.append)
        self.assertEqual(trained, 1)
        self.assertIn("3 of 4 networks are there already", lines)
        self.assertEqual(training.read_recipe(self.data), TINY)
        with h5py.File(os.path.join(self.data, "data-test.h5")) as file:
            self.assertEqual(file["layers/input"].shape, (50, 784))
            self.assertEqual(file["layers/input"].dtype, np.uint8)
            self.assertEqual(len(file["labels/clean"]), 50)
        recipe = os.path.join(self.data, "recipe.json")
        with open(recipe, encoding="utf-8") as file:
            text = file.read()
        with open(recipe, "w", encoding="utf-8") as file:  # as it was before there were kept epochs
            file.write(re.sub(r',\s*"kept": \[\]', "", text))
        self.assertEqual(training.train_all(TINY, self.data, 1, self.folder, lines.append), 0)
        longer = dataclasses.replace(TINY, epochs=3)
        with self.assertRaisesRegex(FileExistsError, "epochs 2, now 3"):
            training.train_all(longer, self.data, 1, self.folder, lines.append)


class Manifest(unittest.TestCase):
    def test_the_job_over_epochs_is_that_of_the_course(self):
        with open(os.path.join(ROOT, "jobs", "sliced-training.yaml"), encoding="utf-8") as file:
            text = file.read()
        course = training.COURSE
        for axis, values in (("noise", course.noises), ("seed", course.seeds), ("epoch", course.kept)):
            self.assertIn(f"{axis}: [{', '.join(map(str, values))}]", text)
        named = re.search(r"^  file: (.*)$", text, re.M)[1].format(
            train="noise", noise=0.2, seed=1, epoch=5)
        width, = course.widths
        written = training.Network("noise", 0.2, width, 1).file("results/quickstart-course", "train", 5)
        self.assertEqual(named, "../" + written)

    def test_the_template_is_the_full_recipe(self):
        with open(TEMPLATE, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("width: [" + ", ".join(map(str, training.FULL.widths)) + "]", text)
        self.assertIn("seed: [0, 1, 2]", text)
        same = command.manifest_for(training.FULL, text)
        self.assertIn("- imbalance: {layers: [hidden2, logits], against: {seed: others}", same)

    def test_every_file_of_the_manifest_is_one_that_the_trainer_writes(self):
        with open(TEMPLATE, encoding="utf-8") as file:
            text = command.manifest_for(training.SMALL, file.read())
        pattern = re.search(r"^  file: (.*)$", text, re.M)[1]
        for network in training.networks(training.SMALL):
            written = network.file("", "test")
            named = pattern.format(train=network.train, noise=network.noise, width=network.width,
                                   seed=network.seed, split="test")
            self.assertEqual(named, written)

    def test_one_seed_has_no_other(self):
        with open(TEMPLATE, encoding="utf-8") as file:
            text = command.manifest_for(training.SMALL, file.read())
        self.assertIn("width: [4, 16]", text)
        self.assertIn("seed: [0]", text)
        self.assertNotIn("others", text)
        self.assertNotIn("quickstart-data", text)

    def test_labels_given_are_asked_for_where_they_are(self):
        with open(TEMPLATE, encoding="utf-8") as file:
            given = [line for line in file if "target: given" in line]
        self.assertEqual(len(given), 1)
        self.assertIn("where: {split: train}", given[0])


def sweep(widths=(4, 8, 16, 32, 64), seeds=(0, 1, 2), split="test"):
    """Return rows like those of a quickstart: a noisy test error with a peak at width 16.

    Information comes of both splits, imbalances of `split` only.
    """
    rows = []
    error = dict(zip(widths, (0.5, 0.25, 0.35, 0.30, 0.28)))
    for width in widths:
        for train, noise in curves.KINDS:
            for seed in seeds:
                shift = 0.001 * seed
                level = error[width] if noise else 0.2
                cell = {
                    "width": width, "train": train, "noise": noise, "seed": seed, "split": split,
                    "measure": "imbalance", "quantity": "imbalance", "k": 1, "std_error": 0.001,
                    "se_method": "parts", "n": 10000, "status": "ok",
                    "meta.test_error": level + shift, "meta.test_loss": 1 + level + width / 100,
                    "meta.train_error": 0.0 if width >= 16 else 0.3, "params": "ties=random",
                    "detail": "rank_sum=5.5;floor=0.1",
                }

                def add(source, target, value, source_at="", target_at="", **other):
                    rows.append({**cell, "source": source, "target": target, "value": value + shift,
                                 "source_at": source_at, "target_at": target_at, **other})

                add("hidden2", "logits", 0.1 / width)
                add("logits", "hidden2", 0.2 / width)
                add("hidden2", "clean", 0.6 if train == "random" else 0.4)
                add("logits", "clean", level + 0.1)
                if train == "noise":
                    for target, value in (("clean", 0.45), ("input", 0.4 / width)):
                        add("hidden2", target, value, n=2000, std_error=0.03, se_method="subsets",
                            params="ties=random;subsets=5;subset_size=2000;subset_seed=0")
                for images in ("train", "test"):
                    add("hidden2", "clean", 1.5 if noise else 1.7, measure="mi-ross", split=images,
                        n=1000 if images == "train" else 10000, std_error=0.06, unit="nat",
                        quantity="mi", detail="ceiling=2.3;classes=10")
                add("hidden2", "given", 0.7 if noise else 1.7, measure="mi-ross", split="train",
                    n=1000, unit="nat", quantity="mi", detail="ceiling=2.4;classes=10")
                for target, value in (("input", 1 / width), ("clean", 0.5), ("given", 0.3)):
                    for quantity, factor in (("mi", 1), ("nmi", 9)):
                        add("hidden2", target, factor * value, measure="renyi", quantity=quantity, split="train", n=1000, std_error="")
                add("hidden2", "", width / 8, measure="dimension", quantity="dimension",
                    detail="distinct=10000")
                add("input", "", 13, measure="dimension", quantity="dimension")
                add("hidden2", "clean", 0.6, measure="overlap", quantity="overlap", k=30,
                    std_error="", detail="by_chance=0.1")
                for layer in ("hidden2", "logits"):
                    if (train, noise) != curves.CLEAN:
                        at = "noise=0.0" if noise else "train=noise"
                        add(layer, layer, 0.03, target_at=at)
                        add(layer, layer, 0.05, source_at=at)
                    else:
                        for other in range(seed + 1, len(seeds)):
                            add(layer, layer, 0.01, target_at=f"seed={other}")
                            add(layer, layer, 0.01, source_at=f"seed={other}")
    return rows


class Shown(Folder):
    def frame(self, **options):
        meta = ("meta.test_error", "meta.test_loss", "meta.train_error")
        write_results(self.folder, sweep(**options), ("width", "train", "noise", "seed", "split"),
                      meta)
        return load(self.folder)

    def test_curves_take_the_right_rows(self):
        frame = curves.usable(self.frame(), "test")
        shape = curves.values(curves.inside(frame, curves.NOISY, "hidden2", "logits"))
        self.assertEqual(shape.shape, (5, 3))
        self.assertAlmostEqual(shape.loc[8, 2], 0.1 / 8 + 0.002)
        to = curves.values(curves.to_twin(frame, curves.NOISY, "hidden2"))
        back = curves.values(curves.from_twin(frame, curves.NOISY, "hidden2"))
        self.assertAlmostEqual(to.loc[4, 0], 0.03)
        self.assertAlmostEqual(back.loc[4, 0], 0.05)
        self.assertEqual(curves.values(curves.between_seeds(frame, "logits")).shape, (5, 6))
        self.assertEqual(curves.interpolation_width(frame, curves.NOISY), 16)
        self.assertEqual(len(curves.usable(self.frame(), "train")), 0)

    def test_curves_of_measures_beside_the_imbalance(self):
        frame = self.frame()
        given = curves.of_layer(frame, "train", "mi-ross", curves.NOISY, "hidden2", "given")
        self.assertEqual(curves.values(given).shape, (5, 3))
        self.assertAlmostEqual(curves.values(given).loc[64, 1], 0.701)
        self.assertEqual(len(curves.of_layer(frame, "test", "mi-ross", curves.NOISY, "hidden2",
                                             "given")), 0)
        alone = curves.of_layer(frame, "test", "dimension", curves.CLEAN, "hidden2")
        self.assertAlmostEqual(curves.values(alone).loc[16, 0], 2)

    def test_the_information_plane(self):
        plane = curves.plane(self.frame(), "train", curves.NOISY, "hidden2", "given")
        np.testing.assert_allclose(plane.loc[8], [1 / 8 + 0.001, 0.301])
        self.assertEqual((len(plane), len(curves.plane(self.frame(), "test", curves.NOISY, "hidden2", "given"))), (5, 0))
        figure = figures.information_plane(self.frame(), "test")
        self.assertEqual([text.get_text() for text in figure.axes[0].get_legend().get_texts()],
                         [figures.NAMES[kind] for kind in curves.KINDS])
        figures.plt.close(figure)

    def test_the_figure_of_information_and_dimension(self):
        figure = figures.information_and_dimension(self.frame(), "test")
        panels = [axis for axis in figure.axes if axis.axison]
        self.assertEqual(len(panels), 5)
        self.assertEqual(panels[0].get_ylabel(), "mutual information (nats)")
        self.assertEqual([panel.get_title() for panel in panels[:3]],
                         ["I(layer; true class), training images",
                          "I(layer; labels given), training images",
                          "I(layer; true class), test images"])
        for panel, mean, bars in zip(panels, (1.701, 1.701, 1.701, 0.501, 0.601), (4, 4, 4, 4, 0)):
            curve = panel.get_lines()[0]
            self.assertEqual(list(curve.get_xdata()), [4, 8, 16, 32, 64])
            self.assertAlmostEqual(curve.get_ydata()[0], mean)
            self.assertEqual(len(panel.containers), bars)
        named = [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]
        self.assertEqual(named[:4], [figures.NAMES[kind] for kind in curves.KINDS])
        # 0.06 over the images, three seeds: 0.06 / sqrt(3) of their mean.
        bar = panels[0].containers[0].lines[2][0].get_segments()[0]
        self.assertAlmostEqual(bar[1][1] - bar[0][1], 2 * 0.06 / 3 ** 0.5)
        figures.plt.close(figure)

    def test_subsets_stand_beside_all_and_in_no_other_curve(self):
        frame = self.frame()
        among_all = curves.inside(curves.usable(frame, "test"), curves.NOISY, "hidden2", "clean")
        self.assertEqual(curves.values(among_all).loc[8, 1], 0.401)
        few = curves.inside(curves.of_subsets(frame, "test"), curves.NOISY, "hidden2", "clean")
        self.assertEqual(curves.values(few).loc[8, 1], 0.451)
        self.assertEqual(len(curves.of_subsets(frame, "train")), 0)
        figure = figures.subsets_beside_all(frame, "test")
        lines = [line for line in figure.axes[1].get_lines() if not line.get_label().startswith("_")]
        self.assertEqual([line.get_label() for line in lines], [
            "clean labels: all", "clean labels: subsets of 2,000",
            "20 % label noise: all", "20 % label noise: subsets of 2,000"])
        self.assertAlmostEqual(lines[1].get_ydata()[0], 0.451)
        figures.plt.close(figure)

    def test_small_runs_have_subsets_that_fit(self):
        with open(TEMPLATE, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("subsets: {size: 2000, count: 5}", command.manifest_for(training.FULL, text))
        self.assertIn("subsets: {size: 200, count: 5}", command.manifest_for(training.SMALL, text))

    def test_figures_are_files_and_small_runs_are_drawn_too(self):
        for options in ({}, {"widths": (4, 16), "seeds": (0,)}):
            paths = figures.draw_all(self.frame(**options), self.path("figures"))
            self.assertEqual(len(paths), 6)
            for path in paths:
                with open(path, "rb") as file:
                    self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
            self.assertEqual(len(os.listdir(self.path("figures"))), 6)

    def test_a_peak(self):
        self.assertEqual(report.find_peak([5, 2, 4, 3, 3.5]), (1, 2, 3))
        self.assertIsNone(report.find_peak([5, 4, 3, 2]))
        self.assertIsNone(report.find_peak([1, 2, 3]))
        self.assertIsNone(report.find_peak([1]))

    def test_sentences_state_what_the_numbers_say(self):
        text = "\n".join(report.sentences(self.frame()))
        self.assertIn("the test error falls, rises and falls again: 0.251 at width 8, 0.351 at 16, "
                      "0.281 at 64 (3 of 3 seeds rise, 3 of 3 fall again)", text)
        self.assertIn("logits → last hidden layer has no peak", text)
        self.assertIn("contains more of the clean one than the reverse in 3 of 3 seeds", text)
        self.assertIn("noisy against clean is 4 times that", text)
        self.assertIn("0.601 against 0.401 at 64", text)
        self.assertIn("-0.90 over 9 noisy networks from width 16 on", text)
        self.assertIn("width 64, in nats: 1.70 / 1.70 after clean labels, 1.50 / 0.70 after 20 % "
                      "label noise", text)
        self.assertIn("1.70 / 1.70 without training; 2.40 is the most", text)
        self.assertIn("clean labels 0.5 and 60 % at width 4, 8.0 and 60 % at width 64", text)

    def test_results_without_the_other_measures_are_reported_too(self):
        frame = self.frame()
        frame = frame[frame["measure"] == "imbalance"]
        self.assertNotIn("in nats", "\n".join(report.sentences(frame)))
        self.assertEqual(len(figures.draw_all(frame, self.path("figures"))), 6)

    def test_a_peak_within_its_error_is_not_claimed(self):
        frame = self.frame()
        frame.loc[frame["noise"] == 0.2, "meta.test_error"] = 0.3
        frame.loc[(frame["noise"] == 0.2) & (frame["width"] == 16), "meta.test_error"] = 0.303
        self.assertIn("the test error shows no peak beyond twice its standard error",
                      "\n".join(report.sentences(frame)))

    def test_the_table(self):
        found = report.table(self.frame())
        self.assertEqual(found.index.tolist(), [4, 8, 16, 32, 64])
        self.assertAlmostEqual(found.loc[16, ("test error", "noisy")], 0.351)
        self.assertAlmostEqual(found.loc[16, ("hidden layers", "noisy→clean")], 0.031)

    def test_records_without_a_value_are_told(self):
        frame = self.frame()
        self.assertIsNone(report.failures(frame))
        frame.loc[3, ["status", "value", "detail.reason"]] = ["failed", np.nan, "NaN in row 7"]
        self.assertIn("imbalance logits -> clean", report.failures(frame))
        self.assertRegex(report.failures(frame), r"1 of \d+ records have no value.*NaN in row 7")

    def test_the_command_prints_it_all(self):
        self.frame(widths=(4, 16), seeds=(0,))
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            self.assertEqual(command.main(["report", "--results", self.folder]), 0)
        self.assertIn("test error", heard.getvalue())
        self.assertIn("twins-test.png", heard.getvalue())
        with contextlib.redirect_stderr(heard):
            self.assertEqual(command.main(["report", "--results", self.path("nowhere")]), 2)
        self.assertIn("infostrata run", heard.getvalue())

    def test_the_packages_own_command_prints_the_records(self):
        self.frame(widths=(4,), seeds=(0,))
        environment = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "analysis")}
        done = subprocess.run([sys.executable, "-m", "infostrata_analysis", self.folder],
                              env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hidden2", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), len(pd.DataFrame(load(self.folder))) + 1)


class Script(unittest.TestCase):
    def run_script(self, *arguments):
        script = os.path.join(ROOT, "jobs", "quickstart.sh")
        return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60)

    def test_help_and_arguments_that_are_wrong(self):
        done = self.run_script("--help")
        self.assertEqual(done.returncode, 0)
        for option in ("--small", "--output", "--ranks", "--program"):
            self.assertIn(option, done.stdout)
        for arguments, told in ((["--smal"], "unknown argument '--smal'"),
                                (["--output"], "--output needs a value"),
                                (["--ranks", "0"], "--ranks 0: a positive number"),
                                (["--program", "/nowhere"], "no such program")):
            done = self.run_script(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(told, done.stderr)


if __name__ == "__main__":
    unittest.main()
