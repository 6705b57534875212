"""The quickstart's results as curves over width: a row a width, a column a repetition.

A repetition is a seed, or a pair of seeds. Every function takes the DataFrame of `load`.
"""

import numpy as np
import pandas as pd

CLEAN, NOISY = ("noise", 0.0), ("noise", 0.2)
RANDOM, UNTRAINED = ("random", 0.0), ("untrained", 0.0)
KINDS = (CLEAN, NOISY, RANDOM, UNTRAINED)


def usable(frame, split, measure="imbalance"):
    """Return the finished records of a measure of one split ("train" or "test"), of all its images."""
    rows = _finished(frame, split, measure)
    return rows[~_are_of_subsets(rows)]


def of_subsets(frame, split, measure="imbalance"):
    """Return the same of the means over random subsets of the images."""
    rows = _finished(frame, split, measure)
    return rows[_are_of_subsets(rows)]


def inside(frame, kind, source, target):
    """Return the rows of imbalance source -> target inside the networks of a kind."""
    rows = _of_kind(frame, kind)
    return rows[(rows["source"] == source) & (rows["target"] == target)
                & rows["source_at"].isna() & rows["target_at"].isna()]


def of_layer(frame, split, measure, kind, layer, target=None):
    """Return the rows of a measure of one layer: of itself, or with labels as its target."""
    rows = _of_kind(usable(frame, split, measure), kind)
    meant = rows["target"].isna() if target is None else rows["target"] == target
    return rows[(rows["source"] == layer) & meant]


def plane(frame, split, kind, layer, target):
    """Return the matrix-based information plane: index width, columns `input` and `target`, means over seeds."""
    rows = usable(frame, split, "renyi")
    rows = _of_kind(rows[(rows["quantity"] == "mi") & (rows["source"] == layer)], kind)
    found = {name: values(rows[rows["target"] == meant]).mean(axis=1)
             for name, meant in (("input", "input"), ("target", target))}
    return pd.DataFrame(found).dropna()


def to_twin(frame, kind, layer):
    """Return the rows of imbalance from `layer` of a kind to `layer` of the clean twin."""
    rows = _same_layer(_of_kind(frame, kind), layer)
    return rows[rows["target_at"].notna() & ~_names_seed(rows["target_at"])]


def from_twin(frame, kind, layer):
    """Return the rows of imbalance from `layer` of the clean twin to `layer` of a kind."""
    rows = _same_layer(_of_kind(frame, kind), layer)
    return rows[rows["source_at"].notna() & ~_names_seed(rows["source_at"])]


def between_seeds(frame, layer):
    """Return the rows of imbalance between clean networks of two seeds, in both directions."""
    rows = _same_layer(_of_kind(frame, CLEAN), layer)
    return rows[_names_seed(rows["source_at"]) | _names_seed(rows["target_at"])]


def values(rows, column="value"):
    """Return the curve: index width, one column a repetition in the order of the grid."""
    numbered = rows.assign(repetition=rows.groupby("width").cumcount())
    return numbered.pivot(index="width", columns="repetition", values=column).sort_index()


def per_network(frame, kind, column):
    """Return the curve of a number that belongs to the network, such as meta.test_error."""
    rows = _of_kind(frame, kind).drop_duplicates(["width", "seed"])
    return values(rows, column) if column in rows else pd.DataFrame()


def standard_error(rows):
    """Return the standard error over samples of each width's mean: index width."""
    square = values(rows, "std_error").astype(float) ** 2
    return np.sqrt(square.mean(axis=1) / square.shape[1])


def interpolation_width(frame, kind):
    """Return the smallest width at which a kind of network fits its training labels, or None."""
    error = per_network(frame, kind, "meta.train_error")
    fitted = error.index[error.mean(axis=1) < 0.01] if len(error) else []
    return int(fitted[0]) if len(fitted) else None


def _finished(frame, split, measure):
    # One NaN column of text comes out as numbers; these two are compared as text below.
    frame = frame.astype({"source_at": object, "target_at": object})
    return frame[(frame["split"] == split) & (frame["status"] == "ok")
                 & (frame["measure"] == measure)]


def _are_of_subsets(rows):
    if "params.subsets" in rows:
        return rows["params.subsets"].notna()
    return rows["measure"] != rows["measure"]  # none


def _of_kind(frame, kind):
    return frame[(frame["train"] == kind[0]) & (frame["noise"] == kind[1])]


def _same_layer(rows, layer):
    return rows[(rows["source"] == layer) & (rows["target"] == layer)]


def _names_seed(column):
    return column.map(lambda text: isinstance(text, str) and "seed=" in text).astype(bool)
