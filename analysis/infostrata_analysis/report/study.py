"""The five findings of arXiv 2510.06401 in the records of a study like the quickstart's.

Umar, Nando Tezoh, Barbier, Acevedo, Laio: The Effect of Label Noise on the Information Content of
Neural Representations (2025). What the paper found is told after its abstract.
"""

import dataclasses

import numpy as np

from ..quickstart import curves, figures
from ..quickstart import report as said
from .job import groups, setting_text

AXES = {"width", "train", "noise", "seed", "split"}
SEEN, PARTLY, UNSEEN, UNMEASURED = "seen", "in part", "not visible in this run", "not measured"


@dataclasses.dataclass
class Finding:
    """One claim of the paper, what this run has to say about it, and in a word whether."""

    title: str
    paper: str
    here: list
    verdict: str


def parts(frame):
    """Return [(name, frame)] of a study like this one; [] if the results are of something else.

    One for each setting that is none of its axes (`net`: dense, convolutional); "" for the only
    one. A study of random labels alone may lack the axes noise and split.
    """
    columns, kinds = set(frame.columns), set(frame.get("train", []))
    whole = AXES <= columns and "noise" in kinds
    alone = {"width", "seed"} <= columns and {"random", "untrained"} <= kinds
    if not (whole or alone) or not {"hidden2", "logits"} <= set(frame["source"]):
        return []
    frame = frame.copy()
    for axis, value in (("noise", 0.0), ("split", "test")):
        if axis not in columns:
            frame.insert(0, axis, value)
    others = [axis for axis in _axes(frame) if axis not in AXES and frame[axis].nunique() > 1
              and axis != scaled_axis(frame)]
    return [(setting_text(others, values), part) for values, part in groups(frame, others)]


def findings(frame, split="test"):
    """Return the five findings, in the paper's order."""
    whole, frame = frame, curves.usable(frame, split)
    return [_double_descent(frame), _narrow(frame), _wide(frame), _last_layer(frame),
            _random_labels(whole, split)]


def draw(frame, split="test"):
    """Yield (title, caption, figure) of the study."""
    usable = curves.usable(frame, split)
    if "noise" not in set(usable["train"]):
        return  # the study of random labels: the figures of any job show it
    with figures.plt.rc_context({**figures.STYLE, "svg.fonttype": "none"}):
        yield "Test error and imbalance against width", "", \
            figures.error_and_imbalance(usable, split)
        yield "Noisy against clean networks", "", figures.twins(usable, split)
        if "meta.test_loss" in usable:
            yield "The last layer and the test loss", "", \
                figures.last_layer_and_loss(usable, split)
        if {"mi-ross", "dimension", "overlap"} <= set(frame["measure"]):
            yield "Information, dimension, neighbours", "", \
                figures.information_and_dimension(frame, split)
        if len(curves.of_subsets(frame, split)):
            yield "Few samples beside all", "", figures.subsets_beside_all(frame, split)


# --- one by one ----------------------------------------------------------------------------------


def _double_descent(frame):
    paper = ("Against the number of parameters the information imbalance of hidden representations "
             "shows a double descent, as the test error does.")
    found = [(name, *said.second_descent(frame, name, curve, error))
             for name, curve, error in said.descents(frame)]
    found = [item for item in found if item[2]]
    imbalances = [peaked for name, peaked, _ in found if name != said.TEST_ERROR]
    error = [peaked for name, peaked, _ in found if name == said.TEST_ERROR]
    verdict = UNMEASURED if not imbalances else (
        (SEEN if all(error) else PARTLY) if any(imbalances) else UNSEEN)
    return Finding("Double descent", paper, [sentence for *_, sentence in found], verdict)


def _narrow(frame):
    paper = ("Under-parameterised networks: representations learned from noisy labels are more "
             "informative than those learned from clean ones.")
    title = "Narrow: noise helps"
    start = curves.interpolation_width(frame, curves.NOISY)
    if start is None:
        return Finding(title, paper, ["No width has networks that fit 99 % of their noisy training "
                                      "labels: all of this run is under-parameterised."],
                       UNMEASURED)
    here, ahead, widths = [], 0, 0
    for layer, name in (("hidden2", "last hidden layer"), ("logits", "logits")):
        rows = _differences(frame, layer)
        rows = [row for row in rows if row.width < start]
        if not rows:
            continue
        better = [row for row in rows if row.difference > 2 * row.error]
        here.append(f"Of the {name}, at widths below {start}, the noisy network contains more of "
                    f"the clean one than the reverse at {_listed(better, len(rows))}: "
                    f"{_both(rows)}.")
        if layer == "hidden2":
            ahead, widths = len(better), len(rows)
    verdict = UNMEASURED if not widths else (
        SEEN if 2 * ahead > widths else PARTLY if ahead else UNSEEN)
    return Finding(title, paper, here, verdict)


def _wide(frame):
    paper = ("Over-parameterised networks: the two are equally informative. Hidden layers are robust "
             "to label noise; information is lost in the last layer.")
    title = "Wide: hidden layers do not mind"
    start = curves.interpolation_width(frame, curves.NOISY)
    rows = _differences(frame, "hidden2")
    wide = [row for row in rows if start is not None and row.width >= start]
    if not wide:
        return Finding(title, paper, ["No width of this run fits its noisy training labels."],
                       UNMEASURED)
    level = [row for row in wide
             if abs(row.difference) <= max(2 * row.error, 0.1 * (row.to + row.back) / 2)]
    here = [f"From width {start} on, where noisy labels are fitted, both directions are the same "
            f"(within twice their standard error, or a tenth) at {_listed(level, len(wide))}: "
            f"{_both(wide)}."]
    here += [sentence for layer, name in (("hidden2", "Last hidden layers"), ("logits", "Logits"))
             if (sentence := said.twins(frame, layer, name))]
    verdict = SEEN if len(level) == len(wide) else PARTLY if level else UNSEEN
    return Finding(title, paper, here, verdict)


def _last_layer(frame):
    paper = ("Over-parameterised networks: the imbalance from the penultimate to the pre-softmax "
             "layer decreases with the cross-entropy loss (read here as: the larger the loss, the "
             "smaller the imbalance; the abstract leaves open whether they fall together).")
    rhos = said.loss_correlations(frame)
    verdict = UNMEASURED if not rhos else (
        SEEN if all(rho < -0.5 for rho, *_ in rhos) else
        PARTLY if any(rho < -0.5 for rho, *_ in rhos) else UNSEEN)
    return Finding("The last layer and the loss", paper, [said.last_layer(frame)], verdict)


def _random_labels(frame, split):
    paper = ("Random labels are worse than random features: with parameters and training samples "
             "scaled by a fixed ratio, networks trained on random labels represent less than "
             "untrained ones.")
    title = "Random labels, random features"
    usable = curves.usable(frame, split)
    random = curves.values(curves.inside(usable, curves.RANDOM, *said.HIDDEN_TO_CLASS))
    untrained = curves.values(curves.inside(usable, curves.UNTRAINED, *said.HIDDEN_TO_CLASS))
    if random.empty or random.shape != untrained.shape:
        return Finding(title, paper, ["This job has no networks trained on random labels beside "
                                      "untrained ones."], UNMEASURED)
    partner = scaled_axis(frame)
    here = [said.worse_than_untrained(usable)]
    worse = (random > untrained).all(axis=1)
    if partner is None:
        here.append("Here the number of training samples is the same at all widths; scaled together "
                    "with the width they are not part of this job (jobs/label-noise/scaled.yaml).")
        return Finding(title, paper, here, PARTLY if worse.any() else UNSEEN)
    steps = frame.groupby("width")[partner].first()
    here.insert(0, f"Training samples ({partner}) advance with the width, from {steps.iloc[0]:g} at "
                f"{steps.index[0]} to {steps.iloc[-1]:g} at {steps.index[-1]}.")
    return Finding(title, paper, here,
                   SEEN if worse.mean() > 0.5 else PARTLY if worse.any() else UNSEEN)


def scaled_axis(frame):
    """Return the axis that has one value a width and grows with it (`zip`), or None."""
    for axis in _axes(frame):
        if axis == "width" or frame[axis].dtype.kind not in "if" or frame[axis].nunique() < 2:
            continue
        steps = frame.groupby("width")[axis]
        if (steps.nunique() == 1).all() and steps.first().is_monotonic_increasing:
            return axis
    return None


def _axes(frame):
    return list(frame.columns[: frame.columns.get_loc("measure")])


# --- both directions between a noisy network and its clean twin ----------------------------------


@dataclasses.dataclass
class _Row:
    width: int
    to: float     # noisy -> clean: small if the noisy one contains the clean one
    back: float
    difference: float  # back - to: above 0, the noisy one contains more
    error: float


def _differences(frame, layer):
    """Return a row a width, with the standard error of the mean difference over seeds or samples."""
    there = curves.to_twin(frame, curves.NOISY, layer)
    again = curves.from_twin(frame, curves.NOISY, layer)
    to, back = curves.values(there), curves.values(again)
    if to.empty or to.shape != back.shape:
        return []
    samples = np.hypot(curves.standard_error(there), curves.standard_error(again))
    seeds = (back - to).std(axis=1) / np.sqrt(to.shape[1])
    error = np.fmax(seeds, samples)  # fmax: one seed has no spread
    return [_Row(width, to.loc[width].mean(), back.loc[width].mean(),
                 (back - to).loc[width].mean(), error.loc[width]) for width in to.index]


def _listed(rows, total):
    if not rows:
        return f"none of {total} widths"
    return f"{len(rows)} of {total} widths ({', '.join(str(row.width) for row in rows)})"


def _both(rows):
    return ", ".join(f"{row.to:.3g} / {row.back:.3g} at {row.width}" for row in rows)
