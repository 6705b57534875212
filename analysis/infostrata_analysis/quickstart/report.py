"""The quickstart's table, and a few sentences that state what this run's numbers show."""

import numpy as np
import pandas as pd

from . import curves

TEST_ERROR = "the test error"
LOGITS_TO_CLASS = ("logits", "clean")
HIDDEN_TO_CLASS = ("hidden2", "clean")


def table(frame, split="test"):
    """Return one row a width, means over seeds, as a DataFrame with readable column names."""
    frame = curves.usable(frame, split)
    clean, noisy = curves.CLEAN, curves.NOISY
    columns = {
        ("test error", "clean"): curves.per_network(frame, clean, "meta.test_error"),
        ("test error", "noisy"): curves.per_network(frame, noisy, "meta.test_error"),
        ("logits→class", "clean"): _inside(frame, clean, LOGITS_TO_CLASS),
        ("logits→class", "noisy"): _inside(frame, noisy, LOGITS_TO_CLASS),
        ("hidden→logits", "noisy"): _inside(frame, noisy, ("hidden2", "logits")),
        ("logits→hidden", "noisy"): _inside(frame, noisy, ("logits", "hidden2")),
        ("hidden layers", "noisy→clean"): _values(curves.to_twin(frame, noisy, "hidden2")),
        ("hidden layers", "clean→noisy"): _values(curves.from_twin(frame, noisy, "hidden2")),
        ("hidden layers", "other seed"): _values(curves.between_seeds(frame, "hidden2")),
    }
    means = {name: curve.mean(axis=1) for name, curve in columns.items() if len(curve)}
    return pd.DataFrame(means).rename_axis("width")


def sentences(frame, split="test"):
    """Return what the results show, as a list of sentences; every number in them is computed."""
    whole, frame = frame, curves.usable(frame, split)
    found = [second_descent(frame, *what)[1] for what in descents(frame)]
    found += [twins(frame, layer, name) for layer, name in
              (("hidden2", "Last hidden layers"), ("logits", "Logits"))]
    found += [worse_than_untrained(frame), last_layer(frame)]
    found += [_information(whole), _dimension(whole, split)]
    return [sentence for sentence in found if sentence]


def failures(frame):
    """Return a line about the records without a value, or None if there is none."""
    bad = frame[frame["status"] != "ok"]
    if bad.empty:
        return None
    first = bad.iloc[0]
    cell = ", ".join(f"{axis} {first[axis]}" for axis in ("width", "train", "noise", "seed"))
    reasons = [str(first[name]) for name in first.index
               if name.startswith("detail.") and isinstance(first[name], str)]
    to = f" -> {first['target']}" if isinstance(first["target"], str) else ""
    return (f"{len(bad)} of {len(frame)} records have no value; the first: {first['measure']} "
            f"{first['source']}{to}, {cell}: {'; '.join(reasons) or first['status']}")


# --- test error and imbalance against width ------------------------------------------------------


def descents(frame):
    """Return (name, curve, standard error of its means) of what may descend twice."""
    error = curves.per_network(frame, curves.NOISY, "meta.test_error")
    if len(error):
        mean = error.mean(axis=1)
        images = frame["n"].max()
        yield TEST_ERROR, error, np.sqrt(mean * (1 - mean) / images / error.shape[1])
    for name, (source, target) in (
        ("the imbalance logits → class", LOGITS_TO_CLASS),
        ("the imbalance logits → last hidden layer", ("logits", "hidden2")),
    ):
        rows = curves.inside(frame, curves.NOISY, source, target)
        if len(rows):
            yield name, curves.values(rows), curves.standard_error(rows)


def find_peak(mean):
    """Return the positions (valley, peak, end) of the largest rise that a fall follows, or None.

    The size of a peak is the smaller of its rise above the lowest value before it and its fall to
    the lowest value after it. `mean` is a sequence of numbers.
    """
    best, size = None, 0.0
    for peak in range(1, len(mean) - 1):
        valley = int(np.argmin(mean[:peak]))
        end = peak + 1 + int(np.argmin(mean[peak + 1:]))
        here = min(mean[peak] - mean[valley], mean[peak] - mean[end])
        if here > size:
            best, size = (valley, peak, end), here
    return best


def second_descent(frame, name, curve, error):
    """Return whether a curve peaks beyond its errors, and a sentence; None if it is too short."""
    mean = curve.mean(axis=1)
    widths, peak = list(curve.index), find_peak(mean.to_numpy())
    start = f"With 20 % label noise {name}"
    if len(widths) < 3:
        return False, None
    if peak is None:
        return False, (f"{start} has no peak between narrow and wide: {mean.iloc[0]:.3g} at width "
                       f"{widths[0]}, {mean.iloc[-1]:.3g} at width {widths[-1]}.")
    low, top, end = peak
    shape = (f"{mean.iloc[low]:.3g} at width {widths[low]}, {mean.iloc[top]:.3g} at {widths[top]}, "
             f"{mean.iloc[end]:.3g} at {widths[end]}")
    rises = (curve.iloc[top] > curve.iloc[low]).sum()
    falls = (curve.iloc[top] > curve.iloc[end]).sum()
    if not _beyond_error(mean, error, peak):
        return False, f"{start} shows no peak beyond twice its standard error: {shape}."
    count = f"{_of_all(rises, curve)} seeds rise, {_of_all(falls, curve)} fall again"
    return True, f"{start} falls, rises and falls again: {shape} ({count})."


def _beyond_error(mean, error, peak):
    """Say whether both flanks of a peak are higher than twice their standard error."""
    _, top, _ = peak
    for side in (peak[0], peak[2]):
        noise = np.hypot(error.iloc[top], error.iloc[side])
        if np.isfinite(noise) and mean.iloc[top] - mean.iloc[side] < 2 * noise:
            return False
    return True


# --- noisy against clean -------------------------------------------------------------------------


def twins(frame, layer, name):
    """State both directions between noisy networks and their clean twins; None without them."""
    to, back = (_values(pick(frame, curves.NOISY, layer))
                for pick in (curves.to_twin, curves.from_twin))
    if to.empty or back.empty:
        return None
    listed = ", ".join(f"{to.loc[width].mean():.3g} / {back.loc[width].mean():.3g} at width {width}"
                       for width in _narrow_middle_wide(to))
    width = to.index[-1]
    ahead = (to.loc[width] < back.loc[width]).sum()
    text = (f"{name}, noisy → clean twin / clean twin → noisy: {listed}. At width {width} the "
            f"noisy one contains more of the clean one than the reverse in "
            f"{_of_all(ahead, to)} seeds.")
    yardstick = _values(curves.between_seeds(frame, layer))
    if yardstick.empty:
        return text
    value = yardstick.loc[width].mean()
    ratio = (to.loc[width].mean() + back.loc[width].mean()) / 2 / value
    return (f"{text} Yardstick: between two clean networks of different seeds it is {value:.3g} "
            f"there; noisy against clean is {ratio:.2g} times that.")


def _narrow_middle_wide(curve):
    """Return the second, the middle and the last width: the narrowest often learn nothing."""
    widths = list(curve.index)
    return widths if len(widths) < 3 else [widths[1], widths[len(widths) // 2], widths[-1]]


def worse_than_untrained(frame):
    """State where random labels leave less of the class than no training; None without them."""
    random = _inside(frame, curves.RANDOM, HIDDEN_TO_CLASS)
    untrained = _inside(frame, curves.UNTRAINED, HIDDEN_TO_CLASS)
    if random.empty or random.shape != untrained.shape:
        return None
    worse = [width for width in random.index if (random.loc[width] > untrained.loc[width]).all()]
    if not worse:
        return ("Trained on random labels, the last hidden layer says no less about the class than "
                "untrained, at any width in all seeds.")
    last = worse[-1]
    return (f"Trained on random labels, the last hidden layer says less about the class than "
            f"untrained at width {', '.join(map(str, worse))}: {random.loc[last].mean():.3g} "
            f"against {untrained.loc[last].mean():.3g} at {last} "
            f"({_of_all(len(random.columns), random)} seeds).")


# --- the last layer ------------------------------------------------------------------------------


def loss_correlations(frame):
    """Return (rank correlation, kind of network, width from which on, networks) of hidden -> logits
    with the test loss, where networks fit their labels."""
    found = []
    for kind, name in ((curves.CLEAN, "clean"), (curves.NOISY, "noisy")):
        start = curves.interpolation_width(frame, kind)
        rows = curves.inside(frame, kind, "hidden2", "logits")
        if start is None or "meta.test_loss" not in rows:
            continue
        rows = rows[rows["width"] >= start]
        if rows["width"].nunique() > 1 and len(rows) > 3:
            rho = rows["value"].corr(rows["meta.test_loss"], method="spearman")
            found.append((rho, name, start, len(rows)))
    return found


def last_layer(frame):
    """State how hidden -> logits goes with the test loss where the networks fit their labels."""
    found = [f"{rho:+.2f} over {count} {name} networks from width {start} on"
             for rho, name, start, count in loss_correlations(frame)]
    if not found:
        return ("No width has networks that fit 99 % of their training labels, so the last layer "
                "is not compared with the test loss.")
    return ("Where networks fit their training labels, the rank correlation of last hidden layer → "
            f"logits with the test loss is {', '.join(found)} (negative: the larger the loss, the "
            "more of the logits the hidden layer contains).")


# --- information and dimension -------------------------------------------------------------------


def _information(frame):
    """State what the widest networks know of the training images' two kinds of labels."""
    found = []
    for kind, name in ((curves.CLEAN, "clean labels"), (curves.NOISY, "20 % label noise"),
                       (curves.RANDOM, "random labels"), (curves.UNTRAINED, "no training")):
        true, given = (_values(curves.of_layer(frame, "train", "mi-ross", kind, "hidden2", target))
                       for target in ("clean", "given"))
        if true.empty or given.empty:
            continue
        width = true.index[-1]
        found.append(f"{true.loc[width].mean():.2f} / {given.loc[width].mean():.2f} after {name}"
                     .replace("after no", "without"))
    if not found:
        return None
    ceiling = curves.usable(frame, "train", "mi-ross")["detail.ceiling"].max()
    return (f"Mutual information of the last hidden layer with the true class / with the labels "
            f"given, training images, width {width}, in nats: {', '.join(found)}; "
            f"{ceiling:.2f} is the most that it can say.")


def _dimension(frame, split):
    """State dimension and class overlap of the last hidden layer, narrowest to widest."""
    found = []
    for kind, name in ((curves.CLEAN, "clean labels"), (curves.NOISY, "20 % label noise"),
                       (curves.UNTRAINED, "untrained")):
        dimension, overlap = (
            _values(curves.of_layer(frame, split, measure, kind, "hidden2", target)).mean(axis=1)
            for measure, target in (("dimension", None), ("overlap", "clean")))
        if dimension.empty or overlap.empty:
            continue
        listed = [f"{dimension.loc[width]:.1f} and {100 * overlap.loc[width]:.0f} % at width "
                  f"{width}" for width in (dimension.index[0], dimension.index[-1])
                  if width in overlap.index]
        found.append(f"{name} {', '.join(listed)}")
    return found and ("Intrinsic dimension of the last hidden layer, and share of 30 neighbours "
                      f"that are of the same class: {'; '.join(found)}.")


def _inside(frame, kind, pair):
    return _values(curves.inside(frame, kind, *pair))


def _values(rows):
    return curves.values(rows)


def _of_all(count, curve):
    return f"{count} of {len(curve.columns)}"
