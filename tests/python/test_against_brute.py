"""The program's neighbour measures against the brute force, on small layers that have all that goes wrong in real ones."""

import os
import tempfile
import unittest

import numpy as np

import against_brute

PROGRAM = os.environ.get("INFOSTRATA")


def make_layers(n):
    """Normal; ReLU with a fifth of the rows zero; a lattice full of ties; a line with a constant column."""
    rng = np.random.default_rng(7)
    normal = rng.standard_normal((n, 6))
    relu = np.maximum(normal @ rng.standard_normal((6, 9)), 0).astype(np.float32)
    relu[rng.random(n) < 0.2] = 0
    lattice = np.round(normal[:, :3]).astype(np.int16)
    line = np.column_stack([normal[:, 0] + 0.1 * rng.standard_normal(n), np.full(n, 0.1)])
    return {"normal": normal, "relu": relu, "lattice": lattice, "line": line}


def make_labels(n):
    """Five classes by the first column, uneven; and the same with a class of one and one of three."""
    first = make_layers(n)["normal"][:, 0]
    five = np.digitize(first, [-1.5, -0.5, 0, 1.2])
    rare = five + 0
    rare[:4] = [99, -7, -7, -7]
    return {"five": five, "rare": rare}


def breaks_ties(task):
    """Standardised columns of a lattice, or its directions: which of its equal distances stay equal is a matter of rounding."""
    rounded = task.params.get("scale") == "zscore" or task.params.get("metric") == "cosine"
    return rounded and "lattice" in (task.source, task.target)


def is_refused(task):
    """A class of one sample has no neighbours: mi-mixed refuses it."""
    return task.measure == "mi-mixed" and task.target == "rare"


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class AgainstBrute(unittest.TestCase):
    ROWS = 400

    def check(self, measure, ranks):
        has = against_brute.offered(PROGRAM)
        if measure not in has:
            self.skipTest(f"the program does not have {measure}")
        arrays = {**make_layers(self.ROWS), **make_labels(self.ROWS)}
        with tempfile.TemporaryDirectory(prefix="against brute ") as folder:
            for name, values in arrays.items():
                np.save(os.path.join(folder, name + ".npy"), values)
            layers, labels = ({name: name + ".npy" for name in made} for made in (make_layers(9), make_labels(9)))
            asked = [task for task in against_brute.tasks({measure: has[measure]}, layers, labels) if not breaks_ties(task) and not is_refused(task)]
            results = against_brute.run(PROGRAM, ranks, folder, layers, labels, asked)
        said = against_brute.differences(asked, results, arrays)
        self.assertEqual(said, [], "\n".join([f"{len(said)} of {len(asked)} differ:", *said[:20]]))


def check_of(measure):
    return lambda self: self.check(measure, 2)


for _measure in against_brute.brute.MEASURES:
    setattr(AgainstBrute, "test_" + _measure.replace("-", "_"), check_of(_measure))


class Parts(unittest.TestCase):
    """What the comparison itself does."""

    ROW = {"measure": "overlap", "source": "b", "target": "a", "k": "30", "params": "metric=euclidean;class_fraction=0.05",
           "status": "ok", "value": "0.5", "detail": ""}

    def test_rows_are_found_by_operands_and_parameters(self):
        def found(measure="overlap", source="a", target="b", **params):
            return against_brute.row_of([self.ROW], measure, source, target, params) is not None
        self.assertTrue(found() and found(source="b", target="a") and found(k=30, class_fraction=0.05) and found(other=1))
        self.assertFalse(found("mi-ksg") or found(target="c") or found(k=3) or found(metric="chebyshev") or found(target=None))

    def test_only_what_the_program_offers_is_asked(self):
        parameters = {"k": None, "metric": ["euclidean"], "se": ["parts", "none"]}
        asked = against_brute.tasks({"mi-ross": parameters}, ["a"], ["y"])
        self.assertEqual([task.params for task in asked], [{"k": k, "metric": "euclidean"} for k in (1, 3, 10)])
        self.assertEqual(asked[0].line(), "  - mi-ross: {layers: [a], target: y, k: 1, metric: euclidean, se: none}\n")

    def test_a_difference_is_told(self):
        x = np.arange(40.0)
        asked = [against_brute.Task("overlap", "a", "b", False, {"k": 30})]
        arrays = {"a": x, "b": 2 * x}
        self.assertIn("1.0, the program: 0.5", against_brute.differences(asked, [self.ROW], arrays)[0])
        self.assertEqual(against_brute.differences(asked, [{**self.ROW, "value": "1"}], arrays), [])
        self.assertIn("no such row", against_brute.differences(asked, [], arrays)[0])
        self.assertIn("too few", against_brute.differences(asked, [{**self.ROW, "status": "failed", "detail": "too few"}], arrays)[0])

    def test_infinities_are_equal_only_to_themselves(self):
        x = np.zeros(9)
        asked = [against_brute.Task("entropy-kl", "a", None, False, {"k": 1})]
        row = {**self.ROW, "measure": "entropy-kl", "source": "a", "target": "", "k": "1", "params": ""}
        self.assertEqual(against_brute.differences(asked, [{**row, "value": "-inf"}], {"a": x}), [])
        self.assertEqual(len(against_brute.differences(asked, [{**row, "value": "-1e300"}], {"a": x})), 1)


if __name__ == "__main__":
    unittest.main()
