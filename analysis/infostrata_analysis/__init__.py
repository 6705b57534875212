"""Python beside infostrata: write activations for it, read what it found.

    from infostrata_analysis import export, imbalance, load, measure, save

    export(model, loader, layers=["fc1", "fc2"], file="acts/run0.h5")   # PyTorch -> HDF5
    save("acts/run1.h5", {"fc1": array})                                # NumPy   -> HDF5
    frame = load("results/my-job")                                      # results -> pandas
    frame = imbalance(hidden, logits, k=[1, 30], ranks=4)               # arrays -> results
    frame = measure("mi-ross", hidden, labels=classes)                  # any measure by its name

`help(export)` and the others are the manual. PyTorch is imported only when `export` is called.
"""

from .exporter import ExportError, export, save
from .measure import RunError, imbalance, measure
from .results import load, load_timings, other_cell

__version__ = "0.1.0"
__all__ = ["ExportError", "RunError", "export", "imbalance", "load", "load_timings", "measure",
           "other_cell", "save"]
