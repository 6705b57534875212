"""report.html: everything in one file, no network, readable without scripts."""

import html
import os
import re

import numpy as np
import pandas as pd

from .. import __version__
from ..results import load, load_timings
from . import figures, study
from .job import Job, number

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_ROWS = 5000
BADGES = {study.SEEN: "seen", study.PARTLY: "partly", study.UNSEEN: "unseen",
          study.UNMEASURED: "unmeasured"}


def write_report(folder, output=None):
    """Write the report of an output folder; return its path (default: FOLDER/report.html).

    The same results give the same bytes. An error if the folder has no results.csv.
    """
    frame = load(folder)
    folder = folder if os.path.isdir(folder) else os.path.dirname(folder) or "."
    output = output or os.path.join(folder, "report.html")
    text = _page(frame, folder)
    with open(output + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(output + ".part", output)
    return output


def _page(frame, folder):
    job = Job(frame)
    sections = [("findings", "Findings", _study(frame)), ("figures", "Figures", _figures(job)),
                ("records", "Records", _records(job)), ("notes", "Notes", _notes(frame)),
                ("provenance", "Provenance", _provenance(folder))]
    sections = [section for section in sections if section[2]]
    name = _name(folder)
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in sections)
    body = "".join(f'<section id="{key}"><h2>{title}</h2>{text}</section>'
                   for key, title, text in sections)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{_escape(name)} · infostrata</title><style>{_asset('report.css')}</style>"
            f"</head><body><header><h1>{_escape(name)}</h1>{_summary(job)}<nav>{links}</nav>"
            f"</header><main>{body}</main><script>{_asset('report.js')}</script></body></html>\n")


def _asset(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _escape(value):
    return html.escape(str(value), quote=True)


def _name(folder):
    """Return the job's name: the manifest's, else the folder's."""
    match = re.search(r"^name: *(.+)$", _read(folder, "manifest.resolved.yaml"), re.M)
    return match[1].strip("\"'") if match else os.path.basename(os.path.abspath(folder))


def _read(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# --- summary -------------------------------------------------------------------------------------


def _summary(job):
    frame = job.frame
    failed = int((frame["status"] != "ok").sum())
    axes = [f"{axis} ({_values(frame[axis])})" for axis in job.axes]
    facts = [_records_text(len(frame)) + (f", {failed} failed" if failed else ""),
             "measures: " + ", ".join(dict.fromkeys(frame["measure"]))]
    if axes:
        facts.append("axes: " + "; ".join(axes))
    if len(job.ok):
        facts.append(f"N = {figures._range(job.ok['n'])} samples")
    return "".join(f"<p>{_escape(fact)}</p>" for fact in facts)


def _values(column):
    values = list(dict.fromkeys(column))
    shown = [number(value) for value in values]
    return ", ".join(shown if len(shown) <= 9 else [*shown[:4], "…", *shown[-2:]])


# --- the study -----------------------------------------------------------------------------------


def _study(frame):
    parts = study.parts(frame)
    if not parts:
        return ""
    told = "".join(_study_part(name, part, place) for place, (name, part) in enumerate(parts))
    return ("<p>What arXiv 2510.06401 (Umar et al., 2025) found about label noise, and what this run "
            "shows. Imbalance A → B: 0, A contains B; 1, A says nothing about B.</p>" + told)


def _study_part(name, frame, part):
    split = "test" if "test" in set(frame["split"]) else frame["split"].iloc[0]
    found = study.findings(frame, split)
    rows = "".join(f'<li><a href="#finding-{part}-{place}">{_escape(finding.title)}</a> '
                   f"{_badge(finding.verdict)}</li>" for place, finding in enumerate(found, 1))
    cards = "".join(_card(f"{part}-{place}", f"{place}. {finding.title}", finding)
                    for place, finding in enumerate(found, 1))
    drawn = "".join(_figure(f"{title}{', ' + name if name else ''}", caption, figure,
                            f"study-{part}-{place}")
                    for place, (title, caption, figure) in enumerate(study.draw(frame, split)))
    return (f"<h3>{_escape(name)}</h3>" if name else "") + f"<ol>{rows}</ol>{cards}{drawn}"


def _badge(verdict):
    return f'<span class="badge {BADGES[verdict]}">{_escape(verdict)}</span>'


def _card(key, title, finding):
    here = "".join(f"<p>{_escape(sentence)}</p>" for sentence in finding.here if sentence)
    return (f'<article id="finding-{key}"><h3>{_escape(title)} '
            f"{_badge(finding.verdict)}</h3><dl><dt>The paper</dt><dd><p>{_escape(finding.paper)}"
            f"</p></dd><dt>This run</dt><dd>{here}</dd></dl></article>")


# --- figures -------------------------------------------------------------------------------------


def _figures(job):
    if job.ok.empty:
        return "<p>No record has a value.</p>"
    return "".join(_figure(title, caption, figure, f"figure-{place}")
                   for place, (title, caption, figure) in enumerate(figures.draw_all(job)))


def _figure(title, caption, figure, salt):
    drawn = "" if figure is None else figures.svg(figure, salt)
    return (f"<figure><h3>{_escape(title)}</h3>{drawn}"
            + (f"<figcaption>{_escape(caption)}</figcaption>" if caption else "") + "</figure>")


# --- records -------------------------------------------------------------------------------------


def _records(job):
    frame = job.frame.dropna(axis=1, how="all")
    shown = frame.head(MOST_ROWS)
    same = [name for name in frame if len(frame) > 1 and name not in ("value", "source", "measure")
            and frame[name].nunique(dropna=False) == 1]
    columns = [name for name in frame if name not in same]
    head = "".join(f'<th scope="col"><button type="button">{_escape(name)}</button></th>'
                   for name in columns)
    cells = [[_cell(value) for value in shown[name]] for name in columns]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells))
    more = (f"<p>The first {MOST_ROWS:,} of {len(frame):,}; results.csv has all.</p>"
            if len(frame) > MOST_ROWS else "")
    alike = ", ".join(f"{name} {number(frame[name].iloc[0])}" for name in same)
    return (f'{more}<p><label>Show rows that contain <input id="filter" type="search"></label> '
            f'<span id="shown"></span></p><div class="table"><table id="table"><thead><tr>{head}'
            f"</tr></thead><tbody>{body}</tbody></table></div>"
            + (f"<p>The same in all records: {_escape(alike)}.</p>" if alike else "")
            + "<p>Click a column to sort by it. Numbers are rounded; results.csv has all digits.</p>")


def _cell(value):
    if isinstance(value, float) and np.isnan(value):
        return "<td></td>"
    if isinstance(value, (float, np.floating)):
        # A count in a column where other rows have none is still a count.
        shown = f"{value:.0f}" if value == round(value, 0) and 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
        return f'<td class="n" data-v="{value!r}">{shown}</td>'
    if isinstance(value, (int, np.integer)):
        return f'<td class="n" data-v="{value}">{value}</td>'
    return f"<td>{_escape(value)}</td>"


# --- notes ---------------------------------------------------------------------------------------


def _notes(frame):
    codes = frame["note"].dropna().astype(str).str.split(";").explode()
    counts = codes[codes != ""].value_counts()
    said = notes()
    rows = "".join(f"<dt><code>{_escape(code)}</code> {count:,} of {len(frame):,} records</dt>"
                   f"<dd><p>{_escape(said.get(code, 'not known to this version of the report'))}."
                   f"</p></dd>" for code, count in counts.items())
    failures = _failures(frame)
    text = f"<dl>{rows}</dl>" if rows else "<p>No record has a note.</p>"
    return text + failures


def notes():
    """Return code -> meaning, as `infostrata measures --notes` prints them."""
    found, code = {}, None
    for line in _asset("notes.txt").splitlines():
        if line.startswith(" "):
            found[code] = line.strip()
        else:
            code = line
    return found


def _failures(frame):
    bad = frame[frame["status"] != "ok"]
    if bad.empty:
        return ""
    reasons = bad.get("detail.reason", pd.Series("", index=bad.index)).fillna("")
    rows = "".join(f"<li>{_records_text(count)}: {_escape(reason)}</li>"
                   for reason, count in reasons.value_counts(sort=False).head(20).items())
    return f"<h3>{_records_text(len(bad))} failed</h3><ul>{rows}</ul>"


def _records_text(count):
    return "1 record" if count == 1 else f"{count:,} records"


# --- provenance ----------------------------------------------------------------------------------


def _provenance(folder):
    parts = [_attributes(folder), _work(folder)]
    for name, title in (("manifest.resolved.yaml", "The manifest, with every default"),
                        ("run.log", "run.log")):
        text = _read(folder, name)
        if text:
            lines = text.splitlines()
            shown = "\n".join(lines if len(lines) <= 200 else [*lines[:60], "…", *lines[-60:]])
            parts.append(f"<details><summary>{_escape(title)}</summary><pre>{_escape(shown)}</pre>"
                         "</details>")
    return "".join(parts) + f"<p>Report of infostrata_analysis {_escape(__version__)}.</p>"


def _attributes(folder):
    """Return what results.h5 says of version and inputs."""
    path = os.path.join(folder, "results.h5")
    if not os.path.exists(path):
        return ""
    import h5py

    with h5py.File(path) as file:
        said = {name: file.attrs.get(name, "") for name in ("written_by", "inputs")}
    lines = str(said["inputs"]).splitlines()
    rows = "\n".join(lines if len(lines) <= 400 else [*lines[:400], f"… {len(lines) - 400} more"])
    return (f"<p>Results written by {_escape(said['written_by'])}.</p><details><summary>"
            f"{len(lines)} inputs, with the hashes of their values</summary><pre>{_escape(rows)}"
            "</pre></details>")


def _work(folder):
    try:
        passes = load_timings(folder)
    except OSError:
        return ""
    if passes.empty:
        return ""
    ranks = ", ".join(str(count) for count in sorted(passes["ranks"].unique()))
    pairs = passes["pairs"].sum()
    visited = f", {pairs:.3g} pairs of samples" if pairs else ""
    return (f"<p>{len(passes):,} passes{visited}, {passes['seconds'].sum():.3g} s (groups of ranks side "
            f"by side count each their own); ranks a pass: {ranks}; kernel "
            f"{_escape(', '.join(passes['kernel'].unique()))}.</p>")
