"""Command line of the quickstart: train, manifest, report. jobs/quickstart.sh calls all three."""

import argparse
import os
import re
import sys

# One thread a worker: read by OpenBLAS and OpenMP when NumPy and PyTorch load, here and below.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

TEMPLATE_DATA = "../../results/quickstart-data/"


def main(arguments=None):
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError) as problem:
        print(f"quickstart: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nquickstart: stopped; the same command goes on where it stopped", file=sys.stderr)
        return 75
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="infostrata_analysis.quickstart", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train the networks and export their activations")
    train.add_argument("--data", required=True, help="folder for the activations")
    which = train.add_mutually_exclusive_group()
    which.add_argument("--small", action="store_true", help="two widths, one seed: a test")
    which.add_argument("--recipe", choices=["full", "small", "course", "study", "scaled"],
                       default="full", help="which networks: course for jobs/sliced-training.yaml, "
                       "study and scaled for jobs/label-noise")
    train.add_argument("--workers", type=int, default=_cores(), help="processes at once")
    train.add_argument("--dataset", help="folder with the Fashion-MNIST files")
    train.set_defaults(run=_train)
    manifest = commands.add_parser("manifest", help="write DATA/quickstart.yaml for these networks")
    manifest.add_argument("--data", required=True)
    manifest.add_argument("--template", required=True, help="jobs/quickstart/quickstart.yaml")
    manifest.set_defaults(run=_manifest)
    report = commands.add_parser("report", help="figures, table and sentences")
    report.add_argument("--results", required=True, help="output folder of infostrata run")
    report.set_defaults(run=_report)
    return parser


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _train(options):
    from . import training

    recipe = training.RECIPES["small" if options.small else options.recipe]
    progress = _Progress()
    try:
        training.train_all(recipe, options.data, options.workers, options.dataset, progress)
    finally:
        progress.end()


class _Progress:
    """Lines of progress: one rewritten in place on a terminal, else one after another."""

    def __init__(self):
        self.rewrite = sys.stderr.isatty()
        self.open = False

    def __call__(self, line):
        end = "" if self.rewrite else "\n"
        print(f"\r\033[K{line}" if self.rewrite else line, end=end, file=sys.stderr, flush=True)
        self.open = self.rewrite

    def end(self):
        if self.open:
            print(file=sys.stderr)


def _manifest(options):
    from . import training

    with open(options.template, encoding="utf-8") as file:
        text = file.read()
    path = os.path.join(options.data, "quickstart.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(manifest_for(training.read_recipe(options.data), text))
    print(path)


def manifest_for(recipe, template):
    """Return the manifest of jobs/quickstart for a recipe, to lie in the folder of its data."""
    text = template.replace(TEMPLATE_DATA, "")
    for axis, values in (("width", recipe.widths), ("noise", recipe.noises),
                         ("seed", recipe.seeds)):
        listed = ", ".join(str(value) for value in values)
        text, count = re.subn(rf"^(  {axis}: )\[[^]]*\]", rf"\g<1>[{listed}]", text, flags=re.M)
        if count != 1:
            raise ValueError(f"the template has {count} lines for the axis {axis}, not one")
    # Five subsets, however few test images there are.
    text = text.replace("size: 2000", f"size: {min(2000, recipe.test_images // 5)}")
    if len(recipe.seeds) == 1:
        # "Another seed" does not exist; the manifest marks the entry that needs one.
        text = "".join(line for line in text.splitlines(keepends=True)
                       if not line.rstrip().endswith("# seeds"))
    return re.sub(r"^output: .*$", "output: results", text, flags=re.M)


def _report(options):
    from ..results import load
    from . import figures, report

    frame = load(options.results)
    paths = figures.draw_all(frame, os.path.join(options.results, "figures"))
    print("Means over seeds on the test images. Imbalance A→B: 0, A contains B; 1, A says nothing "
          "about B.\n")
    print(report.table(frame).to_string(float_format=lambda number: f"{number:.4f}"))
    print()
    for sentence in report.sentences(frame):
        print(_wrapped(sentence))
    for line in filter(None, [report.failures(frame)]):
        print(_wrapped(line))
    print("\nFigures:")
    for path in paths:
        print(f"  {path}")


def _wrapped(text):
    import textwrap

    return textwrap.fill(text, 110, initial_indent="- ", subsequent_indent="  ")


if __name__ == "__main__":
    sys.exit(main())
