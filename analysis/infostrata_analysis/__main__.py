"""python -m infostrata_analysis FOLDER: print the results of an output folder, a record a line."""

import sys

from .results import load


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 0 if arguments == ["--help"] else 2
    try:
        frame = load(arguments[0])
    except OSError as problem:
        print(problem, file=sys.stderr)
        return 2
    axes = list(frame.columns[: frame.columns.get_loc("measure")])
    shown = axes + ["measure", "source", "source_at", "target", "target_at", "k", "value",
                    "std_error", "status", "note"]
    print(frame[shown].dropna(axis=1, how="all").fillna("").to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
