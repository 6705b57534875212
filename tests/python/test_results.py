"""load(): the columns of results.csv as typed columns."""

import os
import tempfile
import unittest

import numpy as np

from support import RESULT_COLUMNS, write_results

from infostrata_analysis import load, load_timings, other_cell


def _row(**fields):
    row = {
        "measure": "imbalance", "quantity": "imbalance", "source": "a", "target": "b", "k": "1",
        "value": "0.25", "std_error": "0.01", "se_method": "parts", "unit": "ratio", "n": "100",
        "status": "ok",
    }
    return {**row, **fields}


class Load(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def load(self, rows, axes=("width", "train"), meta=("meta.test_error",)):
        write_results(self.folder, rows, axes, meta)
        return load(self.folder)

    def test_axes_are_numbers_only_when_all_values_are(self):
        frame = self.load([_row(width="4", train="0.0"), _row(width="8", train="random")])
        self.assertEqual(frame["width"].tolist(), [4, 8])
        self.assertEqual(frame["width"].dtype.kind, "i")
        self.assertEqual(frame["train"].tolist(), ["0.0", "random"])

    def test_an_axis_of_fractions_is_floating_point(self):
        frame = self.load([_row(width="0.0"), _row(width="1e-3")])
        self.assertEqual(frame["width"].tolist(), [0.0, 0.001])

    def test_words_that_look_like_missing_values_stay_words(self):
        frame = self.load([_row(train="NA"), _row(train="null"), _row(train="nan")])
        self.assertEqual(frame["train"].tolist(), ["NA", "null", "nan"])

    def test_params_and_detail_are_spread_into_typed_columns(self):
        frame = self.load([
            _row(params="ties=random;seed=0", detail="rank_sum=5953;parts_mean=0.5;kernel=avx2"),
            _row(params="ties=index;seed=3", detail="rank_sum=11005.5;parts_mean=nan"),
        ])
        self.assertEqual(frame["params.ties"].tolist(), ["random", "index"])
        self.assertEqual(frame["params.seed"].tolist(), [0, 3])
        self.assertEqual(frame["detail.rank_sum"].tolist(), [5953.0, 11005.5])
        self.assertEqual(frame["detail.parts_mean"][0], 0.5)
        self.assertTrue(np.isnan(frame["detail.parts_mean"][1]))
        self.assertEqual(frame["detail.kernel"][0], "avx2")
        self.assertTrue(frame["detail.kernel"].isna()[1])
        self.assertNotIn("params", frame)
        self.assertNotIn("detail", frame)

    def test_empty_fields_are_nan_and_the_note_is_as_it_is(self):
        frame = self.load([
            _row(value="", std_error="", n="", status="failed", note="ties;saturated"), _row(),
        ])
        self.assertTrue(np.isnan(frame["value"][0]))
        self.assertEqual(frame["value"].dtype.kind, "f")
        self.assertEqual(frame["n"][1], 100)
        self.assertEqual(frame["note"][0], "ties;saturated")
        self.assertTrue(frame["note"].isna()[1])
        self.assertTrue(frame["source_at"].isna().all())

    def test_a_value_of_17_digits_comes_back_exactly(self):
        frame = self.load([_row(value="0.10000000000000001"), _row(value="nan")])
        self.assertEqual(frame["value"][0], 0.1)
        self.assertTrue(np.isnan(frame["value"][1]))

    def test_a_layer_named_like_a_number_is_a_name(self):
        frame = self.load([_row(source="7")])
        self.assertEqual(frame["source"][0], "7")

    def test_a_detail_that_holds_an_equals_sign_is_split_at_the_first(self):
        frame = self.load([_row(status="failed", detail="reason=row 3: x=nan")])
        self.assertEqual(frame["detail.reason"][0], "row 3: x=nan")

    def test_no_rows_and_no_grid(self):
        self.assertEqual(len(self.load([], axes=(), meta=())), 0)

    def test_columns_come_in_the_order_of_the_file(self):
        frame = self.load([_row(params="ties=index", detail="rank_sum=1")])
        expected = [name for name in RESULT_COLUMNS if name not in ("params", "detail")]
        found = [name for name in frame.columns if name in expected]
        self.assertEqual(found, expected)
        self.assertEqual(list(frame.columns)[-1], "meta.test_error")

    def test_a_folder_without_results_says_how_to_get_them(self):
        with self.assertRaisesRegex(FileNotFoundError, "infostrata run"):
            load(os.path.join(self.folder, "nowhere"))

    def test_timings(self):
        with open(os.path.join(self.folder, "timings.csv"), "w", encoding="utf-8") as file:
            file.write("pass,seconds,host\n1,0.5,n1\n2,,n2\n")
        frame = load_timings(self.folder)
        self.assertEqual(frame["pass"].tolist(), [1, 2])
        self.assertEqual(frame["seconds"][0], 0.5)
        self.assertTrue(np.isnan(frame["seconds"][1]))

    def test_other_cell(self):
        self.assertEqual(other_cell("noise=0.0;seed=1;train=random"),
                         {"noise": 0.0, "seed": 1, "train": "random"})
        self.assertEqual(other_cell(float("nan")), {})


if __name__ == "__main__":
    unittest.main()
