"""What the Python tests share: the package's path, and files like those of the C program."""

import csv
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "analysis"))

RESULT_COLUMNS = (
    "measure", "quantity", "source", "source_at", "target", "target_at", "k", "params", "value",
    "std_error", "se_method", "unit", "n", "d_source", "d_target", "tie_fraction", "duplicates",
    "status", "note", "detail",
)


def write_results(folder, rows, axes, meta):
    """Write results.csv with the columns of the contract; a field not in a row is empty."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "results.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*axes, *RESULT_COLUMNS, *meta], restval="",
                                lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
