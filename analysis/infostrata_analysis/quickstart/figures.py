"""The quickstart's three figures, written as PNG."""

import os
import textwrap

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402  (the backend is chosen first)
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

from . import curves  # noqa: E402

# Colours that stay apart for colour-blind readers and in grey print (Okabe and Ito).
COLOURS = {
    curves.CLEAN: "#0072B2", curves.NOISY: "#D55E00",
    curves.RANDOM: "#CC79A7", curves.UNTRAINED: "#7A7A7A",
}
NAMES = {
    curves.CLEAN: "clean labels", curves.NOISY: "20 % label noise",
    curves.RANDOM: "random labels", curves.UNTRAINED: "untrained",
}
MEANING = "0: source contains target; 1: says nothing"
STYLE = {
    "font.size": 9, "axes.titlesize": 9.5, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#E4E4E4", "grid.linewidth": 0.6,
    "legend.frameon": False, "legend.fontsize": 8.5, "lines.linewidth": 1.6,
    "lines.markersize": 4.5, "savefig.dpi": 200, "figure.constrained_layout.use": True,
}


def draw_all(frame, folder, split="test"):
    """Draw every figure of one split into `folder`; return the paths written."""
    frame = curves.usable(frame, split)
    os.makedirs(folder, exist_ok=True)
    drawings = {
        "error-and-imbalance": error_and_imbalance,
        "twins": twins,
        "last-layer-and-loss": last_layer_and_loss,
    }
    paths = []
    for name, draw in drawings.items():
        with plt.rc_context(STYLE):
            figure = draw(frame, split)
            paths.append(_write(figure, os.path.join(folder, f"{name}-{split}.png")))
            plt.close(figure)
    return paths


def error_and_imbalance(frame, split):
    """Test error, and how far the layers are from saying which class an image has."""
    figure, axes = plt.subplots(3, 1, figsize=(6.6, 7.6), sharex=True)
    for kind in (curves.CLEAN, curves.NOISY):
        _line(axes[0], curves.per_network(frame, kind, "meta.test_error"), kind)
        _line(axes[1], curves.values(curves.inside(frame, kind, "logits", "clean")), kind)
    for kind in curves.KINDS:
        _line(axes[2], curves.values(curves.inside(frame, kind, "hidden2", "clean")), kind)
    axes[0].set(title="Test error", ylabel="fraction of test images")
    axes[1].set(title=f"Imbalance, logits → true class of {_images(split)}",
                ylabel="imbalance")
    axes[2].set(title=f"Imbalance, last hidden layer → true class of {_images(split)}",
                ylabel="imbalance")
    for axis in axes:
        # The narrowest networks fail; a linear axis would spend its length on them.
        _log_axis(axis, plain=True)
        _mark_interpolation(axis, frame)
        axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    _width_axis(axes[2], frame)
    _footnote(figure, frame, "Imbalance: smallest possible 0.1 with ten equal classes, 1 if "
              "neighbours say nothing.")
    return figure


def twins(frame, split):
    """Noisy against clean networks in both directions, with their yardsticks."""
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.3), sharey=True)
    for axis, layer, title in zip(axes, ("hidden2", "logits"), ("Last hidden layer", "Logits")):
        _twin_lines(axis, frame, layer)
        _log_axis(axis)
        axis.set_title(title)
        _mark_floor(axis, frame)
        _width_axis(axis, frame)
    axes[0].set_ylabel("imbalance\n" + MEANING)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[1].legend(handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5))
    _footnote(figure, frame, f"On {_images(split)}. Noisy, clean and untrained networks of a seed "
              "start from the same weights.")
    return figure


def last_layer_and_loss(frame, split):
    """What the last layer keeps and drops, against the test loss."""
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.0))
    pairs = (("hidden2", "logits", "Last hidden layer → logits"),
             ("logits", "hidden2", "Logits → last hidden layer"))
    for axis, (source, target, title) in zip(axes, pairs):
        points = None
        for kind, marker in ((curves.CLEAN, "o"), (curves.NOISY, "^")):
            rows = curves.inside(frame, kind, source, target)
            points = _scatter(axis, frame, rows, kind, marker) or points
        _log_axis(axis)
        axis.set_title(title, pad=24)  # the legend goes between
        axis.set(xlabel="test loss (cross-entropy, nats)")
        _mark_floor(axis, frame)
    axes[0].set_ylabel("imbalance\n" + MEANING)
    axes[0].legend(handles=_kind_handles(), loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncol=2)
    if points is not None:
        _width_colours(figure, axes, points, frame)
    _footnote(figure, frame, f"On {_images(split)}.", spread="One point a network. Lines: mean over "
              "seeds, from the width on at which the networks fit 99 % of their training labels.")
    return figure


def _twin_lines(axis, frame, layer):
    for kind, name in ((curves.NOISY, "noisy"), (curves.UNTRAINED, "untrained")):
        dashes = "--" if kind == curves.UNTRAINED else "-"
        _line(axis, curves.values(curves.to_twin(frame, kind, layer)), kind,
              f"{name} → clean", style="o" + dashes)
        _line(axis, curves.values(curves.from_twin(frame, kind, layer)), kind,
              f"clean → {name}", style="s" + dashes, hollow=True)
    _line(axis, curves.values(curves.between_seeds(frame, layer)), curves.CLEAN,
          "clean → clean,\nanother seed", style="D:")


def _scatter(axis, frame, rows, kind, marker):
    """Draw a point a network coloured by width; return the points for a colour bar."""
    if rows.empty or "meta.test_loss" not in rows:
        return None
    start = curves.interpolation_width(frame, kind)
    if start is not None:
        wide = rows[rows["width"] >= start]
        axis.plot(curves.values(wide, "meta.test_loss").mean(axis=1),
                  curves.values(wide).mean(axis=1), "-", color=COLOURS[kind], linewidth=1.2,
                  zorder=1)
    low, high = np.log2(frame["width"].min()), np.log2(frame["width"].max())
    return axis.scatter(rows["meta.test_loss"], rows["value"], c=np.log2(rows["width"]),
                        cmap="viridis", vmin=low, vmax=max(high, low + 1), marker=marker, s=30,
                        edgecolors=COLOURS[kind], linewidths=0.9, zorder=2)


def _kind_handles():
    """Return what the legend shows: marker shape and edge are the labels, the fill is the width."""
    look = {"linestyle": "-", "linewidth": 1.2, "markerfacecolor": "white", "markersize": 5}
    return [Line2D([], [], color=COLOURS[kind], marker=marker, label=NAMES[kind], **look)
            for kind, marker in ((curves.CLEAN, "o"), (curves.NOISY, "^"))]


def _width_colours(figure, axes, points, frame):
    bar = figure.colorbar(points, ax=list(axes), label="width", pad=0.02)
    widths = sorted(frame["width"].unique())
    bar.set_ticks(np.log2(widths), labels=[str(width) for width in widths])
    bar.ax.minorticks_off()


def _line(axis, curve, kind, name=None, style="o-", hollow=False):
    """Draw a curve's mean over repetitions, and its range as a band."""
    if curve.empty:
        return
    colour = COLOURS[kind]
    axis.plot(curve.index, curve.mean(axis=1), style, color=colour, label=name or NAMES[kind],
              markerfacecolor="white" if hollow else colour)
    axis.fill_between(curve.index, curve.min(axis=1), curve.max(axis=1), color=colour, alpha=0.16,
                      linewidth=0)


def _width_axis(axis, frame):
    widths = sorted(frame["width"].unique())
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(widths))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_xlabel("width (units in each of the two hidden layers)")


def _log_axis(axis, plain=False):
    axis.set_yscale("log")
    if plain:
        axis.yaxis.set_major_locator(FixedLocator([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1]))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_locator(NullLocator())


def _mark_interpolation(axis, frame):
    """Shade the widths at which the noisy networks fit their training labels."""
    width = curves.interpolation_width(frame, curves.NOISY)
    if width is not None:
        first = axis.get_subplotspec().is_first_row()
        axis.axvspan(width / 2**0.5, frame["width"].max() * 2**0.5, color="#F3EFE2", zorder=0,
                     linewidth=0,
                     label="noisy networks fit 99 %\nof their training labels" if first else None)
        axis.set_xlim(frame["width"].min() / 2**0.5, frame["width"].max() * 2**0.5)


def _mark_floor(axis, frame):
    if len(frame):
        floor = 2 / frame["n"].max()
        axis.axhline(floor, color="black", linewidth=0.8, linestyle=(0, (1, 2)), zorder=3)
        axis.text(0.015, floor * 1.05, "smallest possible, 2/N", fontsize=7.5, va="bottom",
                  transform=axis.get_yaxis_transform())


def _images(split):
    return "test images" if split == "test" else "training images"


def _footnote(figure, frame, text, spread=None):
    seeds = frame["seed"].nunique()
    if spread is None:
        spread = (f"Lines: mean over {seeds} seeds; bands: their range." if seeds > 1
                  else "One seed.")
    count = f"N = {frame['n'].max():,.0f}." if len(frame) else ""
    lines = textwrap.fill(f"{text} {spread} {count}", int(18 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=7.5, color="#444444", x=0.01, ha="left")


def _write(figure, path):
    figure.savefig(path + ".part", format="png")
    os.replace(path + ".part", path)
    return path
