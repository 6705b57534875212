"""export() and save(): what reaches the file, and what is refused."""

import os
import tempfile
import unittest
import warnings

import h5py
import numpy as np
import torch
from torch import nn
from torch.utils import data

import support  # noqa: F401  (the package's path)

from infostrata_analysis import ExportError, export, save
from infostrata_analysis import exporter


class Net(nn.Module):
    """Two layers with an in-place ReLU between them."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(5, 7)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(7, 3)

    def forward(self, rows):
        return self.fc2(self.drop(self.relu(self.fc1(rows))))


class Counted:
    """An iterable of batches that records how many have been asked for."""

    def __init__(self, batches):
        self.batches, self.given = batches, 0

    def __iter__(self):
        for batch in self.batches:
            self.given += 1
            yield batch


class ExportTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="with space ")
        self.addCleanup(holder.cleanup)
        self.file = os.path.join(holder.name, "sub folder", "net.h5")
        torch.manual_seed(0)
        self.net = Net()
        self.rows = torch.randn(23, 5)
        self.classes = torch.arange(23) % 3
        self.set = data.TensorDataset(self.rows, self.classes)

    def loader(self, **options):
        return data.DataLoader(self.set, batch_size=4, **options)

    def read(self, name):
        with h5py.File(self.file) as file:
            return file[name][...]

    def assert_refused(self, text, *arguments, **options):
        with self.assertRaisesRegex(ExportError, text):
            export(*arguments, file=self.file, **options)
        self.assert_nothing_left()

    def assert_nothing_left(self):
        folder = os.path.dirname(self.file)
        self.assertEqual(os.listdir(folder) if os.path.isdir(folder) else [], [])
        hooks = [module._forward_hooks for module in self.net.modules()]
        self.assertEqual([len(found) for found in hooks], [0] * len(hooks))


class WhatIsWritten(ExportTest):
    def test_the_default_layout(self):
        shapes = export(self.net, self.loader(), ["fc1", "fc2"], self.file,
                        meta={"test_error": 0.25, "epoch": 3, "kind": "net", "late": True})
        self.assertEqual(shapes, {"fc1": (23, 7), "fc2": (23, 3)})
        with h5py.File(self.file) as file:
            self.assertEqual(file["layers/fc1"].attrs["layer_index"], 0)
            self.assertEqual(file["layers/fc2"].attrs["layer_index"], 1)
            self.assertEqual(file["layers/fc1"].dtype, np.float32)
            self.assertEqual(file["sample_id"].dtype, np.int64)
            self.assertEqual(file["sample_id"][...].tolist(), list(range(23)))
            self.assertEqual(file["labels/label"][...].tolist(), self.classes.tolist())
            self.assertEqual(dict(file.attrs),
                             {"test_error": 0.25, "epoch": 3, "kind": "net", "late": 1})

    def test_rows_equal_the_networks_own(self):
        export(self.net, self.loader(), ["fc2"], self.file)
        self.net.eval()
        expected = torch.cat([self.net(part) for part in self.rows.split(4)])
        np.testing.assert_array_equal(self.read("layers/fc2"), expected.detach().numpy())

    def test_an_in_place_relu_after_a_layer_does_not_change_it(self):
        export(self.net, self.loader(), ["fc1", "relu"], self.file)
        before, after = self.read("layers/fc1"), self.read("layers/relu")
        self.assertLess(before.min(), 0)
        np.testing.assert_array_equal(np.maximum(before, 0), after)

    def test_modes_are_put_back_one_by_one(self):
        self.net.train()
        self.net.fc1.eval()
        export(self.net, self.loader(), ["fc2"], self.file)
        self.assertTrue(self.net.training and self.net.drop.training)
        self.assertFalse(self.net.fc1.training)

    def test_rows_reach_the_file_as_they_come(self):
        batches = Counted(list(self.rows.split(4)))
        seen = []
        append = exporter._Writer.append

        def watch(writer, name, rows):
            append(writer, name, rows)
            seen.append((batches.given, writer.file["layers"][name].shape[0]))

        exporter._Writer.append = watch
        self.addCleanup(setattr, exporter._Writer, "append", append)
        export(self.net, batches, ["fc1"], self.file)
        self.assertEqual(seen, [(1, 4), (2, 8), (3, 12), (4, 16), (5, 20), (6, 23)])
        with h5py.File(self.file) as file:
            self.assertEqual(file["layers/fc1"].maxshape, (None, 7))
            self.assertIsNotNone(file["layers/fc1"].chunks)

    def test_own_names_and_the_models_output(self):
        export(self.net, self.loader(), {"penultimate": "relu", "logits": ""}, self.file)
        self.assertEqual(self.read("layers/penultimate").shape, (23, 7))
        self.assertEqual(self.read("layers/logits").shape, (23, 3))

    def test_half_precision(self):
        export(self.net, self.loader(), ["fc1"], self.file, dtype="float16")
        self.assertEqual(self.read("layers/fc1").dtype, np.float16)
        net = nn.Sequential(nn.Identity())
        export(net, [self.rows.to(torch.bfloat16)], ["0"], self.file)
        self.assertEqual(self.read("layers/0").dtype, np.float32)
        np.testing.assert_array_equal(self.read("layers/0"),
                                      self.rows.to(torch.bfloat16).float().numpy())

    def test_images_keep_their_shape_and_a_vector_becomes_a_column(self):
        net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0))
        export(net, torch.randn(6, 1, 5, 5).split(2), ["0", "3"], self.file)
        self.assertEqual(self.read("layers/0").shape, (6, 2, 3, 3))
        self.assertEqual(self.read("layers/3").shape, (6, 1))

    def test_a_part_of_a_tuple_can_be_picked(self):
        net = nn.Sequential(nn.LSTM(5, 4, batch_first=True))
        export(net, [torch.randn(6, 3, 5)], {"last": "0"}, self.file,
               pick={"last": lambda out: out[0][:, -1]})
        self.assertEqual(self.read("layers/last").shape, (6, 4))

    def test_batches_that_are_dicts(self):
        batches = [{"rows": part} for part in self.rows.split(4)]
        export(self.net, batches, ["fc1"], self.file,
               forward=lambda model, batch: model(batch["rows"]))
        self.assertEqual(self.read("layers/fc1").shape, (23, 7))

    def test_labels_of_ones_own_and_by_name_and_none(self):
        export(self.net, self.loader(), ["fc1"], self.file,
               labels={"clean": self.classes, "given": np.arange(23)})
        self.assertEqual(self.read("labels/given").tolist(), list(range(23)))
        export(self.net, self.loader(), ["fc1"], self.file, labels="given")
        self.assertEqual(self.read("labels/given").tolist(), self.classes.tolist())
        export(self.net, self.loader(), ["fc1"], self.file, labels={})
        with h5py.File(self.file) as file:
            self.assertNotIn("labels", file)

    def test_a_subset_gives_its_own_sample_ids(self):
        chosen = data.Subset(self.set, [5, 3, 11])
        export(self.net, data.DataLoader(chosen, batch_size=2), ["fc1"], self.file)
        self.assertEqual(self.read("sample_id").tolist(), [5, 3, 11])
        self.assertEqual(self.read("labels/label").tolist(), [2, 0, 2])

    def test_a_failed_export_leaves_the_older_file_whole(self):
        export(self.net, self.loader(), ["fc1"], self.file)
        with self.assertRaises(RuntimeError):
            export(self.net, [self.rows, torch.randn(4, 6)], ["fc1"], self.file)
        self.assertEqual(self.read("layers/fc1").shape, (23, 7))
        self.assertEqual(os.listdir(os.path.dirname(self.file)), ["net.h5"])

    def test_nan_is_warned_of_with_its_row(self):
        self.rows[6, 2] = float("nan")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            export(self.net, self.loader(), ["fc1"], self.file)
        self.assertEqual(len(caught), 1)
        self.assertIn("layer 'fc1', row 6", str(caught[0].message))


class WhatIsRefused(ExportTest):
    def test_a_loader_that_shuffles(self):
        weights = torch.ones(23)
        samplers = [data.RandomSampler(self.set), data.SubsetRandomSampler(range(23)),
                    data.WeightedRandomSampler(weights, 23),
                    data.DistributedSampler(self.set, num_replicas=2, rank=0)]
        self.assert_refused("shuffles", self.net, self.loader(shuffle=True), ["fc1"])
        for sampler in samplers:
            self.assert_refused("shuffles", self.net, self.loader(sampler=sampler), ["fc1"])
        batches = data.BatchSampler(data.RandomSampler(self.set), 4, False)
        loader = data.DataLoader(self.set, batch_sampler=batches)
        self.assert_refused("shuffles", self.net, loader, ["fc1"])

    def test_a_sampler_of_ones_own_that_is_random(self):
        class Own(data.Sampler):
            def __init__(self, random):
                self.random = random

            def __len__(self):
                return 23

            def __iter__(self):
                return iter(torch.randperm(23).tolist() if self.random else range(23))

        self.assert_refused("shuffles", self.net, self.loader(sampler=Own(True)), ["fc1"])
        export(self.net, self.loader(sampler=Own(False)), ["fc1"], self.file)

    def test_an_unknown_layer_lists_the_known(self):
        self.assert_refused("no layer 'fc3'.*did you mean 'fc[12]'.*fc1, relu, drop, fc2",
                            self.net, self.loader(), ["fc3"])

    def test_a_layer_that_produced_nothing(self):
        self.net.spare = nn.Linear(2, 2)
        self.assert_refused("'spare' produced nothing", self.net, self.loader(), ["fc1", "spare"])

    def test_a_layer_that_runs_twice(self):
        relu = nn.ReLU()
        net = nn.Sequential(nn.Linear(5, 5), relu, nn.Linear(5, 5), relu)
        self.assert_refused("ran twice", net, self.loader(), ["1"])

    def test_a_tuple(self):
        net = nn.Sequential(nn.LSTM(5, 4))
        self.assert_refused("returns a tuple of 2.*pick=", net, [torch.randn(6, 3, 5)], ["0"])

    def test_samples_that_are_not_the_first_dimension(self):
        net = nn.Sequential(nn.Flatten(0, 1))
        self.assert_refused("gave 18 rows for a batch of 6", net, [torch.randn(6, 3, 5)], ["0"])

    def test_batches_of_different_shape(self):
        net = nn.Sequential(nn.Identity())
        self.assert_refused("same shape", net, [torch.randn(6, 3), torch.randn(6, 4)], ["0"])

    def test_no_batches_and_no_layers(self):
        self.assert_refused("no batches", self.net, [], ["fc1"])
        self.assert_refused("no layers", self.net, self.loader(), [])

    def test_labels_and_ids_of_the_wrong_length_or_kind(self):
        loader = self.loader()
        self.assert_refused("labels/clean has 5 values, the layers have 23 rows", self.net, loader,
                            ["fc1"], labels={"clean": range(5)})
        self.assert_refused("integers are needed", self.net, loader, ["fc1"],
                            labels={"clean": np.zeros(23)})
        self.assert_refused("argmax", self.net, loader, ["fc1"],
                            labels={"clean": np.zeros((23, 3), int)})
        self.assert_refused("sample_id has 2 values", self.net, loader, ["fc1"], sample_id=[1, 2])
        self.assert_refused("second element", self.net, list(self.rows.split(4)), ["fc1"],
                            labels="given")

    def test_meta_that_is_not_a_scalar(self):
        self.assert_refused("meta 'errors' is list", self.net, self.loader(), ["fc1"],
                            meta={"errors": [1, 2]})

    def test_batches_that_are_dicts_without_a_forward(self):
        self.assert_refused("forward=", self.net, [{"rows": self.rows}], ["fc1"])


class Save(ExportTest):
    def test_arrays(self):
        shapes = save(self.file, {"a": np.zeros((6, 2), np.float16), "b": np.arange(6)},
                      labels={"y": np.array([3, -1, 3, 3, 7, 7])}, meta={"epoch": np.int64(4)})
        self.assertEqual(shapes, {"a": (6, 2), "b": (6, 1)})
        self.assertEqual(self.read("layers/a").dtype, np.float16)
        self.assertEqual(self.read("labels/y").tolist(), [3, -1, 3, 3, 7, 7])
        self.assertEqual(self.read("sample_id").tolist(), list(range(6)))

    def test_labels_alone(self):
        save(self.file, {}, labels={"y": [1, 2, 3]})
        self.assertEqual(self.read("sample_id").tolist(), [0, 1, 2])

    def test_layers_of_different_length(self):
        with self.assertRaisesRegex(ExportError, "different numbers of rows: a 6, b 5"):
            save(self.file, {"a": np.zeros((6, 2)), "b": np.zeros((5, 2))})
        self.assert_nothing_left()

    def test_kinds_that_infostrata_does_not_read(self):
        for array in (np.zeros((3, 2), complex), np.array([["a"], ["b"]]), np.zeros((3, 0))):
            with self.assertRaises(ExportError):
                save(self.file, {"a": array})
            self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
