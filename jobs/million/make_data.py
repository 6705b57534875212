#!/usr/bin/python3
"""Data for jobs/million.yaml: a million samples of 10 classes as two layers of a made-up network.

usage: make_data.py [--samples N] [--output FILE.h5]

/layers/hidden   N x 64, a normal cloud around the centre of its class; the clouds overlap
/layers/logits   N x 10, tanh of 32 random projections of hidden, projected again, plus noise: much of hidden is lost
/labels/class    N, 0 to 9

float32. The same seed always: sample i is the same whatever N is. Drawn and written 10,000 samples at a time, so memory does not
grow with N; the file is whole or absent. With --output a manifest like jobs/million.yaml is written beside it, for runs
with fewer samples:

    make_data.py --samples 20000 --output /tmp/small/million.h5
    infostrata run /tmp/small/million.yaml
"""
import argparse
import os
import re

import h5py
import numpy as np

SEED = 20221
CHUNK = 10_000
CLASSES, HIDDEN, INNER, LOGITS = 10, 64, 32, 10
SPREAD, NOISE = 0.5, 0.2
HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATE = os.path.join(HERE, "..", "million.yaml")
DEFAULT = os.path.join(HERE, "..", "..", "results", "million-data", "million.h5")


def generator(stream):
    """Return a generator of its own for each stream: Philox is a function of (key, counter)."""
    return np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 0, stream]))


def network():
    """Return the class centres and both matrices: stream 0."""
    random = generator(0)
    return (SPREAD * random.standard_normal((CLASSES, HIDDEN)),
            random.standard_normal((HIDDEN, INNER)) / np.sqrt(HIDDEN),
            random.standard_normal((INNER, LOGITS)) / np.sqrt(INNER))


def draw_chunk(chunk, centres, inner, outer):
    """Return hidden, logits and labels of CHUNK samples: stream 1 + chunk."""
    random = generator(1 + chunk)
    labels = random.integers(CLASSES, size=CHUNK)
    hidden = (centres[labels] + random.standard_normal((CHUNK, HIDDEN))).astype(np.float32)
    logits = np.tanh(hidden.astype(np.float64) @ inner) @ outer
    logits += NOISE * random.standard_normal((CHUNK, LOGITS))
    return hidden, logits.astype(np.float32), labels


def write_data(path, samples):
    """Write the file under another name first."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    parameters = network()
    with h5py.File(part, "w") as file:
        hidden = file.create_dataset("/layers/hidden", (samples, HIDDEN), "f4")
        logits = file.create_dataset("/layers/logits", (samples, LOGITS), "f4")
        labels = file.create_dataset("/labels/class", (samples,), "i4")
        for first in range(0, samples, CHUNK):
            last = min(samples, first + CHUNK)
            drawn = draw_chunk(first // CHUNK, *parameters)
            for dataset, rows in zip((hidden, logits, labels), drawn):
                dataset[first:last] = rows[:last - first]
    os.replace(part, path)


def write_manifest(data):
    """Write the job for a data file elsewhere, beside it; return its path."""
    with open(TEMPLATE, encoding="utf-8") as file:
        text = file.read()
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    for key, value in (("file", os.path.basename(data)), ("output", "results")):
        text, count = re.subn(rf"(?m)^( *{key}: ).*$", rf"\g<1>{value}", text)
        assert count == 1, key
    path = os.path.splitext(data)[0] + ".yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000, help="default: a million")
    parser.add_argument("--output", help="an .h5 file (default: results/million-data/million.h5 of the checkout)")
    arguments = parser.parse_args()
    if arguments.samples < 2:
        parser.error("--samples takes at least 2")
    data = os.path.abspath(arguments.output or DEFAULT)
    write_data(data, arguments.samples)
    manifest = write_manifest(data) if arguments.output else TEMPLATE
    print(f"{arguments.samples} samples in {data}; the job: {os.path.relpath(manifest)}")


if __name__ == "__main__":
    main()
