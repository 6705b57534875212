"""The quickstart's figures, written as PNG."""

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
    """Draw every figure of one split into `folder`; return the paths written.

    What layers know of labels is drawn of both splits, the information plane of the training images.
    """
    whole, frame = frame, curves.usable(frame, split)
    os.makedirs(folder, exist_ok=True)
    drawings = {
        "error-and-imbalance": error_and_imbalance,
        "twins": twins,
        "last-layer-and-loss": last_layer_and_loss,
    }
    drawn = {f"{name}-{split}": (draw, frame) for name, draw in drawings.items()}
    drawn["information-and-dimension"] = (information_and_dimension, whole)
    drawn["information-plane"] = (information_plane, whole)
    if len(curves.of_subsets(whole, split)):
        drawn[f"subsets-{split}"] = (subsets_beside_all, whole)
    paths = []
    for name, (draw, rows) in drawn.items():
        with plt.rc_context(STYLE):
            figure = draw(rows, split)
            paths.append(_write(figure, os.path.join(folder, f"{name}.png")))
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


def information_and_dimension(frame, split):
    """What the last hidden layer knows of labels in nats, its dimension, its neighbours' classes.

    `frame` is everything that was measured, of both splits.
    """
    figure, axes = plt.subplots(2, 3, figsize=(10.6, 6.6), sharex=True)
    images = _images(split)
    panels = (
        (axes[0, 0], "train", "mi-ross", "clean", "I(layer; true class), training images"),
        (axes[0, 1], "train", "mi-ross", "given", "I(layer; labels given), training images"),
        (axes[0, 2], split, "mi-ross", "clean", f"I(layer; true class), {images}"),
        (axes[1, 0], split, "dimension", None, f"Intrinsic dimension (two-NN), {images}"),
        (axes[1, 1], split, "overlap", "clean", f"Neighbours of the same class, {images}"),
    )
    for axis, part, measure, target, title in panels:
        for kind in curves.KINDS:
            rows = curves.of_layer(frame, part, measure, kind, "hidden2", target)
            _line(axis, curves.values(rows), kind, error=curves.standard_error(rows))
        axis.set_title(title)
        _mark_interpolation(axis, curves.usable(frame, split), name=measure == "dimension")
        _width_axis(axis, frame, short=axis in axes[0])
    _information_axes(axes[0], frame, split)
    _mark_level(axes[1, 0], _dimension_of_images(frame, split), "the images' own",
                left=True)
    axes[1, 0].set(ylabel="dimension", ylim=(0, 1.04 * axes[1, 0].get_ylim()[1]))
    axes[1, 1].set(ylabel="share of 30 neighbours", ylim=(0, 1))
    _mark_level(axes[1, 1], _detail(frame, split, "overlap", "by_chance"), "by chance")
    axes[1, 2].axis("off")
    axes[1, 2].legend(*axes[1, 0].get_legend_handles_labels(), loc="center left")
    counts = [(part, curves.usable(frame, part)["n"].max()) for part in ("train", split)]
    listed = " and ".join(f"{n:,.0f} {_images(part)}" for part, n in dict(counts).items())
    _footnote(figure, frame, "Of the last hidden layer. 1 nat = 1.44 bits; ceiling: what separate "
              "classes give. Bars: standard error, over images, of the mean.",
              count=f"N = {listed}.")
    return figure


def information_plane(frame, split):
    """What the last hidden layer keeps of the images against what it knows of labels, over width.

    `frame` is everything that was measured, of both splits; the plane is of the training images.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.2), sharex=True, sharey=True)
    for axis, target, title in zip(axes, ("clean", "given"), ("true class", "labels given")):
        for kind in curves.KINDS:
            _plane_line(axis, curves.plane(frame, "train", kind, "hidden2", target), kind)
        axis.set(title=f"I(layer; {title})", xlabel="I(images; layer), nats")
    axes[0].set_ylabel("I(layer; labels), nats")
    if axes[0].collections:
        axes[0].legend(loc="best")
    _footnote(figure, curves.usable(frame, "train", "renyi"), "Of the last hidden layer, training images: matrix-based Renyi "
              "information, alpha = 2, Gaussian kernels as wide as each layer's median distance. Numbers: width.",
              spread="One seed.")
    return figure


def subsets_beside_all(frame, split):
    """What all images say, beside what is left of it among the few that tables of all pairs allow.

    `frame` is everything that was measured.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.2))
    among_all, among_few = curves.usable(frame, split), curves.of_subsets(frame, split)
    sizes = " and ".join(f"{size:,.0f}" for size in sorted(among_few["n"].unique()))
    panels = (("input", f"Last hidden layer → {_images(split)}"),
              ("clean", f"Last hidden layer → true class of {_images(split)}"))
    for axis, (target, title) in zip(axes, panels):
        for kind in (curves.CLEAN, curves.NOISY):
            rows = curves.inside(among_all, kind, "hidden2", target)
            _line(axis, curves.values(rows), kind, f"{NAMES[kind]}: all", error=curves.standard_error(rows))
            rows = curves.inside(among_few, kind, "hidden2", target)
            _line(axis, curves.values(rows), kind, f"{NAMES[kind]}: subsets of {sizes}", "s--",
                  hollow=True, error=curves.standard_error(rows))
        _log_axis(axis, plain=target == "clean")
        axis.set_title(title)
        _width_axis(axis, among_all)
    axes[0].set_ylabel("imbalance\n" + MEANING)
    if axes[0].lines:
        axes[0].legend(loc="best")
    _footnote(figure, among_all, "Subsets: neighbours and ranks among these alone. Bars: standard error, over images, of the "
              "mean.")
    return figure


def _plane_line(axis, plane, kind):
    """Draw a kind of network's way through the plane, larger points for wider networks."""
    if plane.empty:
        return
    sizes = 10 + 7 * np.log2(plane.index.to_numpy(float))
    axis.plot(plane["input"], plane["target"], "-", color=COLOURS[kind], linewidth=1)
    axis.scatter(plane["input"], plane["target"], s=sizes, color=COLOURS[kind], label=NAMES[kind], zorder=3)
    for width in {plane.index[0], plane.index[-1]}:
        axis.annotate(f"{width}", plane.loc[width], textcoords="offset points", xytext=(6, 4), fontsize=7.5,
                      color=COLOURS[kind])


def _information_axes(axes, frame, split):
    """One scale for all mutual informations, with the most that they can say."""
    limits = [axis.get_ylim() for axis in axes]
    ceilings = [_detail(frame, part, "mi-ross", "ceiling") for part in ("train", "train", split)]
    top = max([high for _, high in limits] + [1.06 * level for level in ceilings if level])
    for axis, ceiling in zip(axes, ceilings):
        axis.set(ylim=(min(0, *(low for low, _ in limits)), top))
        _mark_level(axis, ceiling, "ceiling", left=True)
    axes[0].set_ylabel("mutual information (nats)")


def _dimension_of_images(frame, split):
    rows = curves.usable(frame, split, "dimension")
    found = rows.loc[rows["source"] == "input", "value"]
    return found.iloc[0] if len(found) else None


def _detail(frame, split, measure, name):
    """Return the largest of a number in `detail`, or None if there is none."""
    rows = curves.usable(frame, split, measure)
    return rows[f"detail.{name}"].max() if len(rows) and f"detail.{name}" in rows else None


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


def _line(axis, curve, kind, name=None, style="o-", hollow=False, error=None):
    """Draw a curve's mean over repetitions, its range as a band, and errors of the mean as bars."""
    if curve.empty:
        return
    colour = COLOURS[kind]
    axis.plot(curve.index, curve.mean(axis=1), style, color=colour, label=name or NAMES[kind],
              markerfacecolor="white" if hollow else colour)
    axis.fill_between(curve.index, curve.min(axis=1), curve.max(axis=1), color=colour, alpha=0.16,
                      linewidth=0)
    error = [] if error is None else error.dropna()
    if len(error):
        axis.errorbar(error.index, curve.mean(axis=1)[error.index], error, fmt="none",
                      ecolor=colour, elinewidth=1, capsize=2)


def _width_axis(axis, frame, short=False):
    widths = sorted(frame["width"].unique())
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(widths))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if short:
        axis.tick_params(labelbottom=True)
    else:
        axis.set_xlabel("width (units in each of the two hidden layers)")


def _log_axis(axis, plain=False):
    axis.set_yscale("log")
    if plain:
        axis.yaxis.set_major_locator(FixedLocator([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1]))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_locator(NullLocator())


def _mark_interpolation(axis, frame, name=None):
    """Shade the widths at which the noisy networks fit their training labels."""
    width = curves.interpolation_width(frame, curves.NOISY)
    if width is not None:
        first = axis.get_subplotspec().is_first_row() if name is None else name
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


def _mark_level(axis, level, name, left=False):
    if level is not None:
        axis.axhline(level, color="black", linewidth=0.8, linestyle=(0, (1, 2)), zorder=3)
        axis.text(0.015 if left else 0.985, level, name, fontsize=7.5, va="bottom",
                  ha="left" if left else "right", transform=axis.get_yaxis_transform())


def _images(split):
    return "test images" if split == "test" else "training images"


def _footnote(figure, frame, text, spread=None, count=None):
    seeds = frame["seed"].nunique()
    if spread is None:
        spread = (f"Lines: mean over {seeds} seeds; bands: their range." if seeds > 1
                  else "One seed.")
    if count is None:
        count = f"N = {frame['n'].max():,.0f}." if len(frame) else ""
    lines = textwrap.fill(f"{text} {spread} {count}", int(18 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=7.5, color="#444444", x=0.01, ha="left")


def _write(figure, path):
    figure.savefig(path + ".part", format="png")
    os.replace(path + ".part", path)
    return path
