"""Read the tables of an output folder of `infostrata run` into pandas."""

import os
import re

import numpy as np
import pandas as pd

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+")
_NOT_FINITE = {"nan", "inf", "-inf", "+inf"}
# Columns that are text by contract: a layer named "7" is still a name.
_TEXT = {
    "measure", "quantity", "source", "source_at", "target", "target_at",
    "se_method", "unit", "status", "note",
}
_PACKED = ("params", "detail")


def load(folder):
    """Return the results of a job as a pandas DataFrame, one row a record.

    `folder` is the output folder of `infostrata run` (or the path of a results.csv).

    Columns, in this order:
      the grid's axes      numbers where every value is a number, else text
      measure, quantity, source, source_at, target, target_at, k
      params.<name>        one column for each name found in `params`
      value, std_error, se_method, unit, n, d_source, d_target,
      tie_fraction, duplicates, status
      note                 codes joined by ';', as in the file
      detail.<name>        one column for each name found in `detail`, e.g. detail.rank_sum
      meta.<name>          scalars of the activation files, e.g. meta.test_error

    Empty fields are NaN. Imbalances are ratios: 0 says that the source contains the target, 1 that
    it says nothing about it. `source_at` and `target_at` name the axes in which the other cell
    differs from this row's (see `other_cell`); NaN means this row's own cell.

    >>> frame = load("results/quickstart")                                  # doctest: +SKIP
    >>> frame[frame.status == "ok"].pivot_table("value", "width", ["source", "target"])
    """
    raw = _read(folder, "results.csv")
    names = list(raw.columns)
    axes = names[: names.index("measure")] if "measure" in names else []
    columns = {}
    for name in names:
        if name in _PACKED:
            columns.update(_unpack(name, raw[name]))
        else:
            columns[name] = _typed(raw[name], text=name in _TEXT, axis=name in axes)
    return pd.DataFrame(columns, index=raw.index)


def load_timings(folder):
    """Return timings.csv of an output folder as a DataFrame, with numbers as numbers."""
    raw = _read(folder, "timings.csv")
    return pd.DataFrame({name: _typed(raw[name]) for name in raw.columns}, index=raw.index)


def other_cell(text):
    """Return what a `source_at` or `target_at` field says, as a dict of axis -> value.

    >>> other_cell("noise=0.0;seed=1")
    {'noise': 0.0, 'seed': 1}
    >>> other_cell(float("nan"))
    {}
    """
    return {name: _scalar(value) for name, value in _pairs(text)}


def _read(folder, name):
    path = os.fspath(folder)
    if os.path.isdir(path):
        path = os.path.join(path, name)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"{path} does not exist; it is written at the end of `infostrata run MANIFEST`, "
            "and by `infostrata collect MANIFEST` before that"
        )
    # keep_default_na=False: an axis value "NA" or "null" is a word; only an empty field is missing.
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")


def _pairs(text):
    """Return the (name, value) pairs of 'a=1;b=2'; anything that is not text has none."""
    if not isinstance(text, str) or not text:
        return []
    return [part.partition("=")[::2] for part in text.split(";") if part]


def _scalar(text):
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _typed(strings, text=False, axis=False):
    """Return a column of strings as integers, as floats with NaN where empty, or as text."""
    filled = strings[strings != ""]
    # On an axis "inf" and "nan" are words that someone chose; elsewhere the program wrote them.
    finite = filled if axis else filled[~filled.str.lower().isin(_NOT_FINITE)]
    if text or not finite.map(_is_number).all():
        return strings.where(strings != "", np.nan)
    if len(finite) == len(strings) and finite.map(_is_integer).all():
        return strings.map(int)
    values = pd.Series(np.nan, index=strings.index)
    values[filled.index] = [float(item) for item in filled]
    return values


def _is_number(text):
    return _NUMBER.fullmatch(text) is not None


def _is_integer(text):
    # Longer integers (hashes) do not fit int64; they stay floats rather than fail.
    return _INTEGER.fullmatch(text) is not None and len(text) <= 18


def _unpack(prefix, strings):
    """Return one typed column for each name in a column of 'name=value;name=value' strings."""
    rows = [dict(_pairs(text)) for text in strings]
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        f"{prefix}.{name}": _typed(
            pd.Series([row.get(name, "") for row in rows], index=strings.index, dtype=object)
        )
        for name in names
    }
