"""The most informative samples of jobs/ntk, mislabelled ones marked, and how many of these there are.

usage: python3 jobs/ntk/show_samples.py [FOLDER]        (default: results/ntk); draws FOLDER/samples.png
"""

import os
import sys

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

NAMES = ("trousers", "dress")
SHOWN = (4, 8)


def by_sample(path, quantity):
    """Each sample's number of the job's unique-information."""
    with h5py.File(path) as file:
        group = next(file[name] for name in file if name.endswith("-unique-information"))
        names = [name.decode() if isinstance(name, bytes) else name for name in group["quantity"][:]]
        return group["per_sample"][:].reshape(len(names), -1)[names.index(quantity)]


def ranked(values, wrong):
    """(samples, the largest first; the share of wrong ones among as many of the first as there are wrong ones)."""
    order = np.argsort(-values, kind="stable")
    return order, wrong[order[: wrong.sum()]].mean()


def draw(order, values, pixels, given, wrong, path):
    figure, axes = plt.subplots(*SHOWN, figsize=(1.3 * SHOWN[1], 1.6 * SHOWN[0]))
    for axis, i in zip(axes.flat, order):
        axis.imshow(pixels[i].reshape(28, 28), cmap="gray_r")
        axis.set_title(f"{NAMES[given[i]]}\n{values[i]:.3g} nat", fontsize=8, color="C3" if wrong[i] else "black")
        axis.set_xticks([])
        axis.set_yticks([])
        for side in axis.spines.values():
            side.set(color="C3" if wrong[i] else "black", linewidth=2 if wrong[i] else 0.5)
    figure.suptitle("What the others do not tell: labels as given, wrong ones in red")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "results/ntk"
    results = os.path.join(folder, "results", "results.h5")
    with h5py.File(os.path.join(folder, "ntk.h5")) as file:
        pixels, given, wrong = (file[name][:] for name in ("layers/images", "labels/given", "labels/wrong"))
    for quantity in ("information", "functional-information", "loo-residual"):
        values = by_sample(results, quantity)
        order, share = ranked(values, wrong)
        print(f"{quantity:24} of the {wrong.sum()} largest {100 * share:.0f} % are mislabelled (by chance {100 * wrong.mean():.0f} %)")
        if quantity == "information":
            draw(order, values, pixels, given, wrong, os.path.join(folder, "samples.png"))
    print(f"figure: {os.path.join(folder, 'samples.png')}")


if __name__ == "__main__":
    main()
