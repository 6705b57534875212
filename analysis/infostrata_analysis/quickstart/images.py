"""Fashion-MNIST as Debian's package dataset-fashion-mnist installs it, and labels with noise."""

import gzip
import os

import numpy as np

FOLDERS = ("/usr/share/datasets/fashion-mnist", "/usr/share/datasets/FashionMNIST/raw")
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
CLASSES = 10


def find_folder(folder=None):
    """Return the folder that holds the four IDX files; `folder` if given."""
    tried = [folder] if folder else [os.environ.get("INFOSTRATA_FASHION_MNIST"), *FOLDERS]
    for place in filter(None, tried):
        if all(_find(place, name) for names in FILES.values() for name in names):
            return place
    raise FileNotFoundError(
        f"no Fashion-MNIST in {' or '.join(filter(None, tried))}: install Debian's package "
        "dataset-fashion-mnist, or name a folder with the four *-ubyte.gz files of "
        "https://github.com/zalandoresearch/fashion-mnist in INFOSTRATA_FASHION_MNIST"
    )


def read_split(split, count, folder=None):
    """Return (images, labels) of the first `count` of "train" or "test".

    images are uint8, count x 784, 0 to 255; labels are int64, count, 0 to 9.
    """
    folder = find_folder(folder)
    image_file, label_file = (_find(folder, name) for name in FILES[split])
    images, labels = _read_idx(image_file, 3), _read_idx(label_file, 1)
    if len(images) < count or len(images) != len(labels):
        raise ValueError(f"{image_file} has {len(images)} images and {label_file} {len(labels)} "
                         f"labels; {count} of each are needed")
    return images[:count].reshape(count, -1), labels[:count].astype(np.int64)


def noisy_labels(labels, noise, seed):
    """Return a copy of `labels` in which exactly round(noise N) have another class, any of 9."""
    random = np.random.default_rng([seed, 1])
    given = labels.copy()
    wrong = random.permutation(len(labels))[: round(noise * len(labels))]
    given[wrong] = (given[wrong] + random.integers(1, CLASSES, len(wrong))) % CLASSES
    return given


def random_labels(count, seed):
    """Return `count` classes that know nothing of the images."""
    return np.random.default_rng([seed, 2]).integers(0, CLASSES, count)


def _find(folder, name):
    for ending in (".gz", ""):
        path = os.path.join(folder, name + ending)
        if os.path.exists(path):
            return path
    return None


def _read_idx(path, dimensions):
    """Return the array of an IDX file of unsigned bytes with so many dimensions."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        raw = file.read()
    header = 4 + 4 * dimensions
    if raw[:4] != bytes([0, 0, 8, dimensions]):
        raise ValueError(f"{path} is not an IDX file of bytes with {dimensions} dimensions")
    shape = np.frombuffer(raw, dtype=">i4", count=dimensions, offset=4)
    if len(raw) != header + int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{path} is {len(raw)} bytes long, its header says otherwise")
    return np.frombuffer(raw, dtype=np.uint8, offset=header).reshape(shape)
