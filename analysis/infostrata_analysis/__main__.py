"""python -m infostrata_analysis FOLDER: print the results of an output folder, a record a line.
python -m infostrata_analysis report FOLDER [FILE]: write FOLDER/report.html, or FILE.
"""

import sys

from .results import load


def main(arguments):
    if arguments[:1] == ["report"] and len(arguments) in (2, 3):
        action = write_report
    elif len(arguments) == 1 and not arguments[0].startswith("-"):
        action = print_records
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 0 if arguments == ["--help"] else 2
    try:
        action(*arguments[1 if action is write_report else 0:])
    except OSError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def write_report(folder, output=None):
    from . import report

    print(report.write_report(folder, output))


def print_records(folder):
    frame = load(folder)
    axes = list(frame.columns[: frame.columns.get_loc("measure")])
    shown = axes + ["measure", "source", "source_at", "target", "target_at", "k", "value",
                    "std_error", "status", "note"]
    print(frame[shown].dropna(axis=1, how="all").fillna("").to_string(index=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
