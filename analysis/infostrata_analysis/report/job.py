"""What a table of results says about its job: axes, repetitions, pairs of operands, settings."""

import dataclasses

import numpy as np
import pandas as pd

from ..results import other_cell

# Axes whose values are repetitions of the same thing: spread, not a curve.
REPEATS = {"seed", "seeds", "repeat", "repetition", "replica", "fold", "trial", "draw", "init"}
OPERANDS = ("source", "source_at", "target", "target_at")


@dataclasses.dataclass(frozen=True)
class Pair:
    """What stands on the two sides of a record; `of` names the other cell a side lies in."""

    source: str
    source_of: str
    target: str
    target_of: str

    def text(self, arrow=" → "):
        source, target = (f"{name} ({of})" if of else name for name, of in
                          ((self.source, self.source_of), (self.target, self.target_of)))
        return f"{source}{arrow}{target}" if self.target else source

    def turned(self):
        return Pair(self.target, self.target_of, self.source, self.source_of)


class Job:
    """The records of a folder with the questions that figures ask."""

    def __init__(self, frame):
        position = frame.columns.get_loc("measure")
        self.frame = frame
        self.axes = list(frame.columns[:position])
        self.ok = frame[frame["status"] == "ok"].copy()
        varying = [axis for axis in self.axes if frame[axis].nunique(dropna=False) > 1]
        self.repeats = [axis for axis in varying if axis.lower() in REPEATS]
        self.settings = [axis for axis in varying if axis not in self.repeats]
        self.x = self._longest_numeric()
        self.ok["pair"] = self._pairs()

    def _longest_numeric(self):
        """Return the numeric axis with most values, the one that curves run over, or None."""
        numeric = [axis for axis in self.settings
                   if self.frame[axis].dtype.kind in "if" and self.frame[axis].nunique() > 1]
        # Two values are a comparison; only if there is nothing longer, a curve.
        return max(numeric, key=lambda axis: self.frame[axis].nunique(), default=None)

    def _pairs(self):
        told = self._axes_told()
        rows = self.ok[[*self.axes, *OPERANDS]].to_dict("records")
        return pd.Series([Pair(_text(row["source"]), self._other(row, "source_at", told),
                               _text(row["target"]), self._other(row, "target_at", told))
                          for row in rows], index=self.ok.index, dtype=object)

    def _axes_told(self):
        """Return the axes, in grid order, that `source_at` and `target_at` name, less repetitions."""
        named = set()
        for column in ("source_at", "target_at"):
            for text in self.ok[column].dropna().unique():
                named |= set(other_cell(text))
        return [axis for axis in self.axes if axis in named and axis not in self.repeats]

    def _other(self, row, column, told):
        """Return in words which other cell a side lies in: only what differs is written there."""
        differs = other_cell(row[column])
        if not differs:
            return ""
        if not set(differs) & set(told):
            return "another " + " and ".join(differs)
        return ", ".join(f"{axis} {differs.get(axis, row[axis])}" for axis in told)

    def measures(self):
        """Yield (measure, quantity, rows) in the order of the table."""
        for key, rows in self.ok.groupby(["measure", "quantity"], sort=False):
            yield *key, rows

    def run_over(self, rows):
        """Return the column that curves of these rows run over, or None.

        The longest numeric axis; without one k or another parameter, from three values on.
        """
        if self.x is not None and rows[self.x].nunique() > 1:
            return self.x
        parameters = [name for name in ["k", *_parameters(rows)]
                      if rows[name].dtype.kind in "if" and rows[name].notna().all()
                      and rows[name].nunique() > 2]
        return max(parameters, key=lambda name: rows[name].nunique(), default=None)

    def varying(self, rows, *without):
        """Return the columns that tell these rows apart beside their pair and repetitions."""
        columns = [*self.settings, "k", *_parameters(rows)]
        return [name for name in columns
                if name not in without and rows[name].nunique(dropna=False) > 1]


def _parameters(rows):
    return [name for name in rows.columns if name.startswith("params.")]


def tuples(rows, columns):
    """Return the values of some columns, a tuple a row; of no columns empty ones."""
    return list(zip(*(rows[name] for name in columns))) if columns else [()] * len(rows)


def setting_text(columns, values):
    """Return "train random, k 3" for one combination of values."""
    return ", ".join(f"{name.removeprefix('params.')} {number(value)}"
                     for name, value in zip(columns, values) if not _missing(value))


def number(value):
    """Return a value as short text."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value)


def _missing(value):
    return value is None or (isinstance(value, float) and np.isnan(value))


def _text(value):
    return value if isinstance(value, str) else ""


def groups(rows, columns):
    """Yield (values, rows) for each combination of columns; one group without columns.

    A parameter that some rows do not have is None there: NaN would not equal itself.
    """
    if not columns:
        yield (), rows
        return
    by = columns if len(columns) > 1 else columns[0]
    for values, part in rows.groupby(by, sort=False, dropna=False):
        values = values if isinstance(values, tuple) else (values,)
        yield tuple(None if _missing(value) else value for value in values), part
