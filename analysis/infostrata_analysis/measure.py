"""Arrays in, a table out: writes a job, runs infostrata, reads what it found."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings

import numpy as np

from .results import load


class RunError(RuntimeError):
    """infostrata refused the job or could not go on; the text is what it said."""


def imbalance(a, b=None, *, labels=None, k=1, ranks=None, **options):
    """Return the Information Imbalance between two arrays, in both directions, as a DataFrame.

    a and b have a row a sample, and row i is the same sample in both; further dimensions are
    flattened. NumPy arrays or PyTorch tensors. The frame is that of `load`: one row a -> b, one
    b -> a, with `value`, `std_error`, `note`, ... 0: the first contains the second, 1: it says
    nothing about it. A list of `k` gives rows for each.

    With labels=VECTOR (integers) instead of b: how well neighbours in a share their label. A dict
    of arrays as `a` gives all pairs of them. `ranks`: processes, by default one a core. See
    `measure` for all else.

    >>> frame = imbalance(hidden, logits, k=[1, 30], ranks=4)               # doctest: +SKIP
    >>> frame[["source", "target", "k", "value", "std_error"]]              # doctest: +SKIP
    """
    return measure("imbalance", a, b, labels=labels, k=k, ranks=ranks, **options)


def measure(name, a, b=None, *, labels=None, ranks=None, folder=None, program=None, **parameters):
    """Return the records of one measure as a DataFrame; `infostrata measures` lists the names.

    name        "imbalance", "mi-ross", "mi-ksg", "mi-sliced", "dimension", ...
    a, b        arrays or tensors, N x d, row i the same sample in both: layers "a" and "b"; or
                `a` a dict name -> array: all pairs (or each one alone, for `dimension`)
    labels      N integers, or a dict name -> integers: the target, instead of b
    parameters  as in the manifest, docs/manifest.md: k=[1, 30], metric="manhattan", scale="rms",
                se="none", null={"permutations": 100}, ...
    ranks       processes (default: one for each core this process may use)
    folder      keep job and results here; a second call continues (default: a temporary folder)
    program     path of infostrata (default: $INFOSTRATA, then the PATH, then this checkout's build)

    Raises RunError with the program's own words if it refuses. Records that failed (a layer with
    NaN, say) are rows whose status is "failed"; a warning says so.

    >>> measure("mi-ross", hidden, labels=classes, k=3)                     # doctest: +SKIP
    """
    layers = _named(a, "a")
    if b is not None:
        if isinstance(a, dict):
            raise TypeError("with a dict of arrays there is no b: put it into the dict")
        layers["b"] = b
    vectors = {} if labels is None else _named(labels, "labels")
    if vectors and b is not None:
        raise TypeError("b or labels: a measure has one target")
    with tempfile.TemporaryDirectory(prefix="infostrata-") as scratch:
        where = os.fspath(folder) if folder is not None else scratch
        os.makedirs(where, exist_ok=True)
        manifest = _write_job(where, name, layers, vectors, parameters)
        _run(_command(program, ranks), manifest)
        frame = load(os.path.join(where, "results"))
    # Of arrays in separate files the program cannot know it; who calls says so.
    frame["note"] = [";".join(code for code in str(note).split(";") if code != "row-order-unverified")
                     for note in frame["note"].fillna("")]
    _warn_of_failures(frame)
    return frame


def _named(given, name):
    return dict(given) if isinstance(given, dict) else {name: given}


def _as_array(given):
    if hasattr(given, "detach"):  # a tensor; bfloat16 has no NumPy counterpart
        given = given.detach().cpu()
        given = given.float() if str(given.dtype) == "torch.bfloat16" else given
    array = np.asarray(given)
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        raise TypeError(f"an array of numbers with a row a sample is wanted, not {array.dtype} "
                        f"of shape {array.shape}")
    return array


def _write_job(folder, name, layers, labels, parameters):
    """Write arrays and manifest; return the manifest's path. Names may be anything: files not."""
    layers, labels = ({key: _as_array(array) for key, array in arrays.items()}
                      for arrays in (layers, labels))
    _require_equal_rows({**layers, **labels})
    given = {"layers": {}, "labels": {}}
    for kind, arrays in (("layers", layers), ("labels", labels)):
        for position, (key, array) in enumerate(arrays.items()):
            file = f"{kind}-{position}.npy"
            _save_if_new(os.path.join(folder, file), array)
            given[kind][str(key)] = file
    entry = dict(parameters, **({"target": list(given["labels"])} if labels else {}))
    job = {"version": 1, "name": name, "output": "results",
           "input": {kind: files for kind, files in given.items() if files},
           "measures": [{name: entry}]}
    path = os.path.join(folder, "job.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(job, file, indent=1, default=_plain)  # JSON is YAML
    return path


def _require_equal_rows(arrays):
    """Say it with the names that the caller knows; the program would name the files."""
    first, *others = arrays.items()
    for name, array in others:
        if len(array) != len(first[1]):
            raise RunError(f"'{first[0]}' has {len(first[1])} samples, but '{name}' has "
                           f"{len(array)}: row i must be the same sample in both")


def _plain(value):
    """Return NumPy's numbers and arrays as Python's, for JSON."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, range):
        return list(value)
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def _save_if_new(path, array):
    """Write an array; one that is there already stays, so that its results are found again."""
    if os.path.exists(path):
        there = np.load(path, mmap_mode="r")
        if there.dtype == array.dtype and np.array_equal(there, array):
            return
    np.save(path, array)


def _command(program, ranks):
    program = program or _find_program()
    if ranks is None:
        ranks = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if ranks == 1:
        return [program]
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), program]


def _find_program():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    candidates = [os.environ.get("INFOSTRATA"), shutil.which("infostrata"),
                  os.path.join(root, "build", "release", "infostrata"),
                  os.path.join(root, "..", "..", "bin", "infostrata")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise RunError("there is no infostrata: name it (program=...), put it on the PATH, or build it "
                   "in this checkout: cmake --preset release && cmake --build --preset release")


def _run(command, manifest):
    environment = dict(os.environ)
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # Open MPI wants to be told twice
        environment.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run([*command, "run", manifest, "--quiet"], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode not in (0, 4):  # 4: finished, some tasks failed
        raise RunError(_own_words(done.stderr) or f"{command[0]} ended with {done.returncode}")


def _own_words(said):
    """Leave out what mpirun adds between two rules of dashes, unless there is nothing else."""
    own = re.sub(r"^-{60,}\n.*?^-{60,}(\n|\Z)", "", said, flags=re.MULTILINE | re.DOTALL).strip()
    return own or said.strip()


def _warn_of_failures(frame):
    failed = frame[frame["status"] == "failed"]
    if len(failed):
        reasons = failed.get("detail.reason", failed["status"])
        warnings.warn(f"{len(failed)} of {len(frame)} records failed; the first: {reasons.iloc[0]}",
                      stacklevel=3)
