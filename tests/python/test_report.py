"""report.html: whole, self-contained, and no finding claimed that is not in the numbers."""

import html.parser
import os
import re
import subprocess
import tempfile
import unittest

import numpy as np
import pandas as pd

from support import write_results
from test_quickstart import sweep

from infostrata_analysis import __main__ as command
from infostrata_analysis import load
from infostrata_analysis.quickstart import curves
from infostrata_analysis.report import figures, page, study
from infostrata_analysis.report.job import Job, Pair

PROGRAM = os.environ.get("INFOSTRATA")
AXES = ("width", "train", "noise", "seed", "split")
META = ("meta.test_error", "meta.test_loss", "meta.train_error")
VOID = {"meta", "input", "br", "use", "path"}


class Checker(html.parser.HTMLParser):
    """Sees that tags close in order; keeps texts, ids and what would be fetched."""

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.fetched, self.texts, self.counts = [], [], [], [], {}
        self.feed(text)
        self.faults += self.open

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action") and not value.startswith("#"):
                self.fetched.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data):
        self.texts.append(data)


def record(source, target, value, **more):
    return {"measure": "imbalance", "quantity": "imbalance", "source": source, "target": target,
            "k": 1, "params": "ties=random", "value": value, "std_error": 0.01,
            "se_method": "parts", "unit": "ratio", "n": 500, "status": "ok",
            "detail": f"parts_mean={value}5", **more}


class Report(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="report ")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def report(self, rows, axes=(), meta=()):
        write_results(self.folder, rows, axes, meta)
        path = page.write_report(self.folder)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found = Checker(text)
        self.assertEqual(found.faults, [])
        self.assertEqual(found.fetched, [])  # it needs no network
        self.assertIsNone(re.search(r"@import|url\((?!#)", text))
        return text, found

    def test_layers_without_a_grid(self):
        names = ["in <b>", "mid", "out"]
        rows = [record(a, b, 0.1 * (1 + i)) for i, (a, b) in enumerate(
            (a, b) for a in names for b in names if a != b)]
        rows[0]["note"] = "ties;depends-on-dimension-of-the-moon"
        rows.append({**record("mid", "label", ""), "std_error": "", "status": "failed", "detail":
                     "reason=3 NaN"})
        text, found = self.report(rows)
        self.assertEqual(found.counts["tr"], len(rows) + 1)
        self.assertNotIn("in <b>", text)
        self.assertIn("in &lt;b&gt;", text)
        for told in ("imbalance: layer by layer", "imbalance: both directions",
                     "imbalance: a tenth of the samples", "1 record failed", "3 NaN",
                     "more than 0.1 % of the rows", "not known to this version"):
            self.assertIn(told, text)
        self.assertNotIn("Findings", text)

    def test_curves_over_a_numeric_axis_with_spread_over_seeds(self):
        rows = [record("a", "b", 1 / epoch + 0.01 * seed + shift, epoch=epoch, seed=seed, net=net)
                for epoch in (1, 10, 100) for seed in (0, 1, 2)
                for net, shift in (("wide", 0), ("deep", 0.5))]
        write_results(self.folder, rows, ("epoch", "seed", "net"), ())
        job = Job(load(self.folder))
        self.assertEqual((job.x, job.repeats), ("epoch", ["seed"]))
        (title, caption, figure), *_ = figures.draw_all(job)
        self.assertEqual(title, "imbalance against epoch")
        self.assertIn("mean over seed", caption)
        lines = figure.axes[0].get_lines()
        self.assertEqual([line.get_label() for line in lines], ["net wide", "net deep"])
        np.testing.assert_allclose(lines[1].get_ydata(), [1.51, 0.61, 0.52])
        self.assertEqual(list(lines[0].get_xdata()), [1, 10, 100])
        self.assertEqual(figure.axes[0].get_xscale(), "log")
        figures.plt.close("all")

    def test_counts_are_whole_in_a_column_with_gaps(self):
        for value, shown in ((542011.0, ">542011<"), (12.0, ">12<"), (0.123456, ">0.1235<"),
                             (1234.5678, ">1235<"), (1e16, ">1e+16<"), (float("inf"), ">inf<")):
            self.assertIn(shown, page._cell(value))

    def test_an_axis_from_zero_to_hundreds_is_told_apart(self):
        rows = [record("a", "b", 0.1, epoch=epoch) for epoch in (0, 1, 2, 5, 10, 100)]
        write_results(self.folder, rows, ("epoch",), ())
        (_, _, figure), *_ = figures.draw_all(Job(load(self.folder)))
        axis = figure.axes[0]
        self.assertEqual(axis.get_xscale(), "symlog")
        self.assertEqual([tick.get_text() for tick in axis.get_xticklabels()],
                         ["0", "1", "2", "5", "10", "100"])
        figures.plt.close("all")

    def test_other_cells_are_said_in_words(self):
        rows = [record("a", "a", 0.1, epoch=e, seed=0, net="wide", **at)
                for e in (1, 2) for at in ({"target_at": "seed=1"}, {"source_at": "seed=1"},
                                           {"target_at": "epoch=1"}, {"source_at": "net=deep"})]
        write_results(self.folder, rows + [{**row, "seed": 1, "net": "deep"} for row in rows],
                      ("epoch", "seed", "net"), ())
        pairs = list(dict.fromkeys(Job(load(self.folder)).ok["pair"]))
        self.assertIn(Pair("a", "", "a", "another seed"), pairs)
        self.assertIn(Pair("a", "", "a", "epoch 1, net wide"), pairs)
        self.assertIn(Pair("a", "epoch 2, net deep", "a", ""), pairs)
        self.assertEqual(pairs[0].turned().turned(), pairs[0])

    def test_a_sweep_of_k_is_a_curve_and_one_record_is_a_point(self):
        text, _ = self.report([record("a", "b", 0.1 * k, k=k) for k in (1, 2, 4)])
        self.assertIn("imbalance against k", text)
        again, _ = self.report([record("a", "b", 0.1 * k, k=k) for k in (1, 2, 4)])
        self.assertEqual(text, again)  # nothing in it depends on time
        text, _ = self.report([record("a", "", 3.5, measure="dimension", quantity="dimension",
                                      unit="", std_error="", detail="")])
        self.assertIn("<h3>dimension</h3>", text)
        text, _ = self.report([{**record("a", "b", ""), "status": "failed", "n": ""}])
        self.assertIn("No record has a value", text)

    def test_the_command(self):
        write_results(self.folder, [record("a", "b", 0.5)], (), ())
        self.assertEqual(command.main(["report", self.folder]), 0)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "report.html")))
        other = os.path.join(self.folder, "other.html")
        self.assertEqual(command.main(["report", self.folder, other]), 0)
        self.assertTrue(os.path.exists(other))
        self.assertEqual(command.main(["report", os.path.join(self.folder, "nowhere")]), 2)

    @unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
    def test_notes_are_those_of_the_program(self):
        said = subprocess.run([PROGRAM, "measures", "--notes"], capture_output=True, text=True,
                              check=True, timeout=60).stdout
        self.assertEqual(page._asset("notes.txt"), said)  # else write it anew
        self.assertIn("ties", page.notes())


class Study(unittest.TestCase):
    """Networks whose numbers are made: twins alike from width 16 on, or not; peaks, or none."""

    def frame(self, change=lambda row: None, axes=AXES):
        rows = sweep()
        for row in rows:
            change(row)
        with tempfile.TemporaryDirectory() as folder:
            write_results(folder, rows, axes, META)
            return load(folder)

    def verdicts(self, *arguments, **options):
        frame = self.frame(*arguments, **options)
        self.assertEqual([name for name, _ in study.parts(frame)], [""])
        return {finding.title.split(":")[0].split(",")[0]: finding for finding in
                study.findings(frame)}

    def test_what_is_there_is_seen(self):
        def equal_where_wide(row):
            if row["width"] >= 16 and row["target"] == row["source"]:
                row["value"] = 0.02

        found = self.verdicts(equal_where_wide)
        self.assertEqual(found["Double descent"].verdict, study.SEEN)
        self.assertIn("falls, rises and falls again", " ".join(found["Double descent"].here))
        self.assertEqual(found["Narrow"].verdict, study.SEEN)
        self.assertIn("at 2 of 2 widths (4, 8)", found["Narrow"].here[0])
        self.assertEqual(found["Wide"].verdict, study.SEEN)
        self.assertIn("at 3 of 3 widths (16, 32, 64)", found["Wide"].here[0])
        # Worse at all widths, but the training samples are not scaled.
        self.assertEqual(found["Random labels"].verdict, study.PARTLY)
        self.assertIn("not part of this job", found["Random labels"].here[-1])

    def test_what_is_not_there_is_not_visible(self):
        def flat(row):
            row["meta.test_error"] = 0.3
            row["meta.test_loss"] = 1 + row["seed"]
            if row["measure"] == "imbalance":
                row["value"] = 0.04 + 0.0001 * row["seed"]
                if row.get("source_at") and row["width"] >= 16:
                    row["value"] = 0.08

        found = self.verdicts(flat)
        for title in ("Double descent", "Narrow", "Wide", "The last layer and the loss",
                      "Random labels"):
            self.assertEqual(found[title].verdict, study.UNSEEN, title)

    def test_what_was_not_measured_is_said(self):
        def never_fits(row):
            row["meta.train_error"] = 0.3

        found = self.verdicts(never_fits)
        for title in ("Narrow", "Wide", "The last layer and the loss"):
            self.assertEqual(found[title].verdict, study.UNMEASURED, title)

    def test_samples_that_advance_with_the_width(self):
        def scaled(row):
            row["images"] = 20 * row["width"]

        found = self.verdicts(scaled, axes=("width", "images", *AXES[1:]))
        self.assertEqual(found["Random labels"].verdict, study.SEEN)
        self.assertIn("images) advance with the width, from 80 at 4 to 1280 at 64",
                      found["Random labels"].here[0])

    def test_a_study_of_random_labels_alone(self):
        rows = [{**row, "images": 20 * row["width"]} for row in sweep(widths=(4, 8, 16))
                if row["train"] != "noise" and row["target"] == "clean" and row["split"] == "test"]
        for row in rows:
            del row["noise"], row["split"]
        with tempfile.TemporaryDirectory() as folder:
            write_results(folder, rows, ("width", "images", "train", "seed"), META)
            (name, frame), = study.parts(load(folder))
        verdicts = {finding.title: finding.verdict for finding in study.findings(frame)}
        self.assertEqual(verdicts.pop("Random labels, random features"), study.SEEN)
        self.assertEqual(set(verdicts.values()), {study.UNMEASURED})
        self.assertEqual((name, list(study.draw(frame))), ("", []))

    def test_two_kinds_of_networks_are_two_studies(self):
        frame = self.frame(axes=("net", *AXES))
        frame["net"] = "dense"
        other = frame.assign(net="conv", value=0.04)
        both = pd.concat([frame, other], ignore_index=True)
        parts = dict(study.parts(both))
        self.assertEqual(list(parts), ["net dense", "net conv"])
        alone = study.findings(frame)
        for found, expected in zip(study.findings(parts["net dense"]), alone):
            self.assertEqual(found, expected)
        self.assertEqual(study.findings(parts["net conv"])[1].verdict, study.UNSEEN)
        self.assertEqual(study.parts(both.drop(columns="width")), [])

    def test_the_page(self):
        with tempfile.TemporaryDirectory() as folder:
            rows = [row for row in sweep(widths=(4, 16), seeds=(0,)) if row["split"] == "test"
                    and row["measure"] == "imbalance" and row["target"] != "input"]
            write_results(folder, rows, AXES, META)
            with open(page.write_report(folder), encoding="utf-8") as file:
                text = file.read()
        self.assertEqual(Checker(text).faults, [])
        self.assertEqual(text.count("<article"), 5)
        self.assertIn("arXiv 2510.06401", text)
        self.assertIn("Test error and imbalance against width", text)
        for kind in curves.KINDS:
            self.assertIn(figures_name(kind), text)


def figures_name(kind):
    from infostrata_analysis.quickstart.figures import NAMES

    return NAMES[kind]


if __name__ == "__main__":
    unittest.main()
