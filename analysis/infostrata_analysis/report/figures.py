"""Figures of any job: curves, the plane of both directions, heat maps, points, small samples."""

import io
import re
import textwrap

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402  (the backend is chosen first)
from matplotlib.colors import LogNorm, Normalize  # noqa: E402

from .job import groups, number, setting_text, tuples  # noqa: E402

# Okabe and Ito: apart for colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A", "#000000")
MARKERS = "os^Dv<>P"
STYLE = {
    "font.size": 9, "axes.titlesize": 9, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#E8E8E8", "grid.linewidth": 0.6,
    "legend.frameon": False, "legend.fontsize": 8.5, "lines.linewidth": 1.5,
    "lines.markersize": 4, "figure.constrained_layout.use": True, "svg.fonttype": "none",
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
}
UNITS = {"ratio": "", "nat": " (nat)"}
MOST_LINES, MOST_PANELS, MOST_FACETS, MOST_MAPS, MOST_DOTS, FEW_DOTS = 6, 12, 4, 6, 40, 12
LEGEND_WIDTH, BAR_WIDTH = 2.1, 0.8  # inches beside the panels


def svg(figure, salt):
    """Return a figure as an inline <svg>, the same text for the same figure; closes it."""
    buffer = io.StringIO()
    with plt.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.05,
                       metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    width, height = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text).groups()
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"',
                  f'style="width:{float(width):.0f}pt;max-width:100%;height:auto"', text, count=1)
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)


def draw_all(job):
    """Yield (title, caption, figure) for everything that this job's records can show."""
    for measure, quantity, rows in job.measures():
        name = measure if measure == quantity else f"{measure} ({quantity})"
        with plt.rc_context(STYLE):
            over = job.run_over(rows)
            maps = list(_maps(job, name, rows))
            if over is not None:
                yield from _curves(job, name, rows, over)
            elif not maps or len(rows) <= FEW_DOTS:
                yield from _dots(job, name, rows)
            yield from maps
            if quantity == "imbalance":
                yield from _planes(job, name, rows, over)
            yield from _small_samples(job, name, rows)


def label(rows):
    """Return the axis label of a quantity with its unit."""
    quantity, unit = rows["quantity"].iloc[0], rows["unit"].iloc[0]
    return quantity + (UNITS.get(unit, f" ({unit})") if isinstance(unit, str) else "")


# --- curves ---------------------------------------------------------------------------------------


def _curves(job, name, rows, over):
    """One figure a facet: panels are pairs, lines are settings."""
    lines, facets = _divide(rows, job.varying(rows, over))
    parts = list(groups(rows, facets))
    for values, part in parts[:MOST_FACETS]:
        pairs = list(dict.fromkeys(part["pair"]))
        figure = _curve_panels(over, part, pairs[:MOST_PANELS], lines, rows)
        left = f" {len(pairs) - MOST_PANELS} more pairs are in the table." \
            if len(pairs) > MOST_PANELS else ""
        where = setting_text(facets, values)
        yield (f"{name} against {_short(over)}" + (f", {where}" if where else ""),
               _curve_caption(job, part) + left, figure)
    if len(parts) > MOST_FACETS:
        yield (f"{name} against {_short(over)}", f"{len(parts) - MOST_FACETS} more settings of "
               f"{', '.join(facets)} are in the table.", None)


def _divide(rows, columns):
    """Split columns into those that make lines and those that make figures."""
    lines, facets = list(columns), []
    while lines and rows[lines].drop_duplicates().shape[0] > MOST_LINES:
        # Of those with fewest values the last: splits and parameters come behind what is studied.
        fewest = min(reversed(lines), key=lambda column: rows[column].nunique(dropna=False))
        lines.remove(fewest)
        facets.append(fewest)
    return lines, facets


def _curve_caption(job, rows):
    count = f"N = {_range(rows['n'])}."
    if job.repeats and rows[job.repeats].drop_duplicates().shape[0] > 1:
        return f"Lines: mean over {' and '.join(job.repeats)}; bands: their range. {count}"
    return f"Bars: standard error. {count}" if rows["std_error"].notna().any() else count


def _range(column):
    low, high = column.min(), column.max()
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def _panels(count, width, height, beside=0.0, **options):
    """Up to three panels a line, of so many inches each, and so many beside them."""
    columns = min(3, count)
    lines = -(-count // columns)
    figure, axes = plt.subplots(lines, columns, squeeze=False, **options,
                                figsize=(0.4 + width * columns + beside, 0.5 + height * lines))
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, axes.flat[:count]


def _short(column):
    return column.removeprefix("params.")


def _curve_panels(over, part, pairs, lines, whole):
    combinations = list(dict.fromkeys(values for values, _ in groups(whole, lines)))
    figure, axes = _panels(len(pairs), 2.8, 2.3, LEGEND_WIDTH if lines else 0, sharey=True)
    for axis, pair in zip(axes, pairs):
        here = part[part["pair"] == pair]
        for values, rows in groups(here, lines):
            _curve(axis, over, rows, combinations.index(values), setting_text(lines, values))
        axis.set_title(_wrap(pair.text()))
        axis.set_xlabel(_short(over))
        _scale_x(axis, part[over])
    for axis in axes:
        _scale_y(axis, part)
    axes[0].set_ylabel(label(part))
    _legend(axes, 3)
    return figure


def _curve(axis, over, rows, position, name):
    colour = COLOURS[position % len(COLOURS)]
    spread = rows.groupby(over)["value"].agg(["mean", "min", "max", "count"])
    axis.plot(spread.index, spread["mean"], "-" + MARKERS[position % len(MARKERS)], color=colour,
              label=name or None)
    if (spread["count"] > 1).any():
        axis.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.15,
                          linewidth=0)
    elif rows["std_error"].notna().any():
        axis.errorbar(rows[over], rows["value"], rows["std_error"], fmt="none", ecolor=colour,
                      elinewidth=1, capsize=2)


def _scale_x(axis, values):
    distinct = np.sort(values.unique())
    positive = distinct[distinct > 0]
    wide = distinct[0] >= 0 and len(positive) > 1 and positive[-1] / positive[0] >= 16
    base = 2 if wide and _powers_of_two(positive) else 10
    if wide and distinct[0] == 0:
        axis.set_xscale("symlog", base=base, linthresh=positive[0], linscale=0.5)  # 0 has a place, too
    elif wide:
        axis.set_xscale("log", base=base)
    even = len(distinct) > 1 and np.diff(distinct).min() >= np.ptp(distinct) / 12
    if len(distinct) <= 9 and (wide or even):
        axis.set_xticks(distinct, [number(value) for value in distinct])
        axis.minorticks_off()


def _powers_of_two(values):
    return np.allclose(np.log2(values) % 1, 0)


def _scale_y(axis, rows):
    values = rows["value"].dropna()
    if rows["unit"].iloc[0] == "ratio" and len(values) and values.min() > 0 \
            and values.max() / values.min() > 30:
        axis.set_yscale("log")


def _legend(axes, columns):
    """One legend for all panels, right of the first line of them."""
    found = {}
    for axis in axes:
        for handle, name in zip(*axis.get_legend_handles_labels()):
            found.setdefault(name, handle)
    if found:
        last = list(axes)[min(columns, len(axes)) - 1]
        last.legend(found.values(), found.keys(), loc="upper left", bbox_to_anchor=(1.02, 1.02))


def _wrap(text, width=36):
    return "\n".join(textwrap.wrap(text, width))


# --- no numeric axis: a point a record -----------------------------------------------------------


def _dots(job, name, rows):
    columns = job.varying(rows)
    rows = rows.head(MOST_DOTS)
    columns += job.repeats
    names = [f"{pair.text()}   {setting_text(columns, values)}".strip()
             for pair, values in zip(rows["pair"], tuples(rows, columns))]
    figure, axis = plt.subplots(figsize=(7.5, 0.9 + 0.24 * len(rows)))
    places = np.arange(len(rows))[::-1]
    axis.errorbar(rows["value"], places, xerr=rows["std_error"].fillna(0), fmt="o", color=COLOURS[0],
                  ecolor=COLOURS[0], elinewidth=1, capsize=2)
    axis.set_yticks(places, names)
    axis.set_xlabel(label(rows))
    low, high = axis.get_xlim()
    axis.set_xlim(min(0, low), high)
    yield name, f"Bars: standard error. N = {_range(rows['n'])}.", figure


# --- both directions -----------------------------------------------------------------------------


def _planes(job, name, rows, over):
    """A panel an unordered pair: one direction against the other."""
    keys = [*job.axes, "k", *(name for name in rows.columns if name.startswith("params."))]
    there = rows[[*keys, "pair", "value"]]
    back = there.assign(pair=[pair.turned() for pair in there["pair"]])
    both = there.merge(back, on=[*keys, "pair"], suffixes=("", "_back"))
    first = list(dict.fromkeys(both["pair"]))
    wanted = [pair for position, pair in enumerate(first)
              if pair.turned() not in first[:position]][:9]
    if not wanted:
        return
    shapes, _ = _divide(both, job.varying(both, over))
    colours = _colour_scale(over, both)
    figure, axes = _panels(len(wanted), 2.6, 2.8, (LEGEND_WIDTH if shapes else 0)
                           + (BAR_WIDTH if colours is not None else 0))
    points = None
    combinations = list(dict.fromkeys(values for values, _ in groups(both, shapes)))
    for axis, pair in zip(axes, wanted):
        points = _plane(axis, over, both[both["pair"] == pair], shapes, combinations, colours)
        axis.set_title(_wrap(pair.text(" ↔ "), 34))
        axis.set_xlabel("left → right")
        axis.set_ylabel("right → left")
    _legend(axes, 3)
    if colours is not None:
        _colour_bar(axes, points, over, both)
    yield (f"{name}: both directions", "Each point a record. 0 says that the side where an arrow "
           "begins contains the other. Below the line the right layer contains more of the left one "
           "than the reverse.",
           figure)


def _colour_bar(axes, points, over, rows):
    bar = _bar(axes, points, _short(over))
    distinct = np.sort(rows[over].unique())
    if len(distinct) <= 10:
        bar.set_ticks(distinct, labels=[number(value) for value in distinct])
        bar.ax.minorticks_off()


def _bar(axes, coloured, name):
    bar = axes[0].figure.colorbar(coloured, ax=list(axes), label=name, pad=0.02, aspect=30)
    bar.solids.set(rasterized=False, edgecolor="face")  # vectors, without seams
    return bar


def _colour_scale(over, rows):
    if over is None:
        return None
    values = rows[over]
    logarithmic = values.min() > 0 and values.max() / values.min() >= 16
    return (LogNorm if logarithmic else Normalize)(values.min(), values.max())


def _plane(axis, over, rows, shapes, combinations, colours):
    points = None
    for values, part in groups(rows, shapes):
        position = combinations.index(values)
        look = {"c": part[over], "cmap": "viridis", "norm": colours} if colours is not None \
            else {"color": COLOURS[position % len(COLOURS)]}
        points = axis.scatter(part["value"], part["value_back"], s=22, linewidths=0.5,
                              marker=MARKERS[position % len(MARKERS)], edgecolors="#333333",
                              label=setting_text(shapes, values) or None, **look)
    both = np.concatenate([rows["value"], rows["value_back"]])
    if both.min() > 0 and both.max() / both.min() > 10:
        axis.set(xscale="log", yscale="log")
        low, high = both.min() / 1.4, both.max() * 1.4
    else:
        low, high = min(0, both.min()), both.max() * 1.08
    axis.set(xlim=(low, high), ylim=(low, high))
    axis.set_box_aspect(1)
    axis.plot([low, high], [low, high], color="#999999", linewidth=0.8, zorder=0)
    return points


# --- layers against layers -----------------------------------------------------------------------


def _maps(job, name, rows):
    """A map of sources x targets for some settings, where there are three layers or more."""
    own = rows[[not (pair.source_of or pair.target_of) and bool(pair.target)
                for pair in rows["pair"]]]
    own = own[own["target"].isin(set(own["source"]))]
    layers = list(dict.fromkeys([*own["source"], *own["target"]]))
    if len(layers) < 3 or own["pair"].nunique() < 3:
        return
    columns = job.varying(own)
    parts = list(groups(own, columns))
    chosen = sorted({round(i) for i in np.linspace(0, len(parts) - 1, min(MOST_MAPS, len(parts)))})
    figure, axes = _panels(len(chosen), 1.2 + 0.45 * len(layers), 0.8 + 0.4 * len(layers))
    image = None
    limits = (own["value"].min(), own["value"].max())
    for axis, position in zip(axes, chosen):
        values, part = parts[position]
        image = _map(axis, part, layers, limits)
        axis.set_title(_wrap(setting_text(columns, values), 30), fontsize=8)
    _bar(axes, image, label(rows))
    some = f"{len(chosen)} of {len(parts)} settings. " if len(chosen) < len(parts) else ""
    yield (f"{name}: layer by layer", f"{some}Rows: the layer in which neighbours are found; "
           "columns: the other. Means over repetitions.", figure)


def _map(axis, part, layers, limits):
    table = part.pivot_table("value", "source", "target").reindex(index=layers, columns=layers)
    edges = np.arange(len(layers) + 1) - 0.5
    # A mesh, not an image: the figure stays vectors.
    image = axis.pcolormesh(edges, edges, np.ma.masked_invalid(table.to_numpy()), cmap="viridis",
                            vmin=limits[0], vmax=limits[1])
    axis.invert_yaxis()
    axis.set_aspect("equal")
    middle = sum(limits) / 2
    for (i, j), value in np.ndenumerate(table.to_numpy()):
        if np.isfinite(value):
            text = f"{value:.2g}" if abs(value) >= 0.01 else f"{value:.0e}".replace("e-0", "e-")
            axis.text(j, i, text, ha="center", va="center", fontsize=7,
                      color="white" if value < middle else "black")
    axis.set_xticks(range(len(layers)), layers, rotation=45, ha="right", fontsize=7.5)
    axis.set_yticks(range(len(layers)), layers, fontsize=7.5)
    axis.grid(False)
    return image


# --- what fewer samples would have said ----------------------------------------------------------


def _small_samples(job, name, rows):
    """The mean of ten disjoint parts of a tenth of the samples beside the value of all."""
    if "detail.parts_mean" not in rows:
        return
    rows = rows[rows["detail.parts_mean"].notna() & rows["value"].notna()]
    if rows.empty or not np.issubdtype(rows["detail.parts_mean"].dtype, np.number):
        return
    figure, axis = plt.subplots(figsize=(5.4, 3.8))
    pairs = list(dict.fromkeys(rows["pair"]))
    for position, pair in enumerate(pairs[:8]):
        part = rows[rows["pair"] == pair]
        axis.plot(part["value"], part["detail.parts_mean"], MARKERS[position], markersize=4,
                  color=COLOURS[position], label=_wrap(pair.text(), 40), alpha=0.8)
    shown = rows[rows["pair"].isin(pairs[:8])]
    both = np.concatenate([shown["value"], shown["detail.parts_mean"]])
    if both.min() > 0 and both.max() / both.min() > 10:
        axis.set(xscale="log", yscale="log")
    low, high = both.min(), both.max()
    axis.plot([low, high], [low, high], color="#999999", linewidth=0.8, zorder=0)
    axis.set(xlabel=f"{label(rows)}, all N = {_range(rows['n'])}",
             ylabel="mean of ten parts of N/10")
    axis.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    yield (f"{name}: a tenth of the samples", "Each point a record. On the line: N is no matter. "
           "Away from it the value still changes with the number of samples, and only values of "
           "equal N may be compared.", figure)
