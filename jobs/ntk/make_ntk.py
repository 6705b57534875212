"""A small network at its initialisation, seen as a kernel: trousers against dresses of Fashion-MNIST, some labels wrong.

usage: PYTHONPATH=analysis python3 jobs/ntk/make_ntk.py [FOLDER] [--samples 400] [--tests 200] [--noise 0.1] [--seed 0]

Writes FOLDER/ntk.h5 (default: results/ntk): /layers/ntk, the tangent kernel K_ij = <df(x_i)/dw, df(x_j)/dw> of the training
images; /ntk/test, that of test images with them; /outputs/initial, f of the untrained network; /labels/given, what it is
trained on, /labels/clean and /labels/wrong (1 where they differ); /layers/images.
"""

import argparse
import os

import h5py
import numpy as np
import torch

from infostrata_analysis.quickstart import images

CLASSES = (1, 3)  # trousers, dresses
WIDTH = 256


def network(seed):
    """784 - 256 - 256 - 1 with ReLU, scaled so that the kernel hardly depends on the width."""
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(784, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1)]
    return torch.nn.Sequential(*layers).double()


def two_classes(split, count):
    """The first `count` images of the two classes, from 0 to 1, and which of the two each is."""
    pixels, labels = images.read_split(split, 8 * count)
    chosen = np.flatnonzero(np.isin(labels, CLASSES))[:count]
    return pixels[chosen] / 255.0, (labels[chosen] == CLASSES[1]).astype(np.int64)


def gradients(model, pixels):
    """(outputs, derivatives by all weights) of each image: a linearised network is a linear model of the second."""
    outputs, rows = [], []
    for image in torch.from_numpy(pixels):
        output = model(image)[0]
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(output, list(model.parameters()))]))
        outputs.append(output.item())
    return np.array(outputs), torch.stack(rows).numpy()


def write(file, asked):
    """Train images, their kernel, what the network says before it is trained; labels of which a share is wrong."""
    train, clean = two_classes("train", asked.samples)
    test, _ = two_classes("test", asked.tests)
    wrong = np.zeros(len(clean), dtype=np.int64)
    wrong[np.random.default_rng(asked.seed).permutation(len(clean))[: round(asked.noise * len(clean))]] = 1
    model = network(asked.seed)
    first, jacobian = gradients(model, train)
    _, of_tests = gradients(model, test)
    file["layers/ntk"], file["ntk/test"] = jacobian @ jacobian.T, of_tests @ jacobian.T
    file["outputs/initial"] = first[:, None]
    file["layers/images"] = (255 * train).round().astype(np.uint8)
    file["labels/clean"], file["labels/given"], file["labels/wrong"] = clean, clean ^ wrong, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="results/ntk")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.makedirs(asked.folder, exist_ok=True)
    with h5py.File(os.path.join(asked.folder, "ntk.h5"), "w") as file:
        write(file, asked)


if __name__ == "__main__":
    main()
