"""Python beside infostrata: write activations for it, read what it found.

    from infostrata_analysis import export, save, load

    export(model, loader, layers=["fc1", "fc2"], file="acts/run0.h5")   # PyTorch -> HDF5
    save("acts/run1.h5", {"fc1": array})                                # NumPy   -> HDF5
    frame = load("results/my-job")                                      # results -> pandas

`help(export)` and the others are the manual. PyTorch is imported only when `export` is called.
"""

from .exporter import ExportError, export, save
from .results import load, load_timings, other_cell

__version__ = "0.1.0"
__all__ = ["ExportError", "export", "save", "load", "load_timings", "other_cell"]
