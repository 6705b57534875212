"""Train the quickstart's networks and export their activations.

A fully connected network, 784 - width - width - 10 with ReLU, is trained with Adam on 1,000 images.
Four networks share each width and seed, and so the same first weights and the same batches in the
same order; they differ in their labels alone:

    noise, 0.0     the images' own labels               noise, 0.2   20 % replaced by another class
    random, 0.0    labels drawn without regard          untrained    the first weights as they are
"""

import concurrent.futures
import dataclasses
import functools
import itertools
import json
import multiprocessing
import os
import signal
import threading
import time

import numpy as np

from ..exporter import export, save
from . import images

LAYERS = {"hidden1": "relu1", "hidden2": "relu2", "logits": "logits"}
PIXELS = 784
EXPORT_BATCH = 1000


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what the activation files hold."""

    widths: tuple = (4, 8, 16, 32, 64, 128, 256, 512)
    noises: tuple = (0.0, 0.2)
    seeds: tuple = (0, 1, 2)
    train_images: int = 1000
    test_images: int = 10000
    epochs: int = 100
    batch: int = 100
    rate: float = 1e-3
    version: int = 1


FULL = Recipe()
SMALL = Recipe(widths=(4, 16), seeds=(0,), train_images=500, test_images=1000, epochs=20)


@dataclasses.dataclass(frozen=True)
class Network:
    """One point of the sweep; `train` is "noise", "random" or "untrained"."""

    train: str
    noise: float
    width: int
    seed: int

    def file(self, folder, split):
        name = f"{self.train}-n{self.noise}-w{self.width}-s{self.seed}-{split}.h5"
        return os.path.join(folder, "acts", name)

    def exported(self, folder):
        return all(os.path.exists(self.file(folder, split)) for split in images.FILES)

    def __str__(self):
        what = {"random": "random labels", "untrained": "untrained"}.get(self.train)
        if what is None:
            what = f"{100 * self.noise:.0f} % label noise" if self.noise else "clean labels"
        return f"width {self.width}, seed {self.seed}, {what}"


def networks(recipe):
    """Return every network of a recipe, the widest first: they take longest."""
    kinds = [("noise", noise) for noise in recipe.noises] + [("random", 0.0), ("untrained", 0.0)]
    return [
        Network(train, noise, width, seed)
        for width, seed, (train, noise) in itertools.product(
            sorted(recipe.widths, reverse=True), recipe.seeds, kinds)
    ]


def train_all(recipe, folder, workers, dataset=None, say=print):
    """Train and export what `folder` does not hold yet; return the number of networks trained.

    `workers` processes run at once, each on one thread. `say` gets one line of text a network.
    """
    _claim(recipe, folder)
    for split in images.FILES:
        _write_images(recipe, folder, split, dataset)
    waiting = [network for network in networks(recipe) if not network.exported(folder)]
    total = len(networks(recipe))
    if len(waiting) < total:
        say(f"{total - len(waiting)} of {total} networks are there already")
    done_cost, cost = 0, sum(_cost(network) for network in waiting)
    start = time.monotonic()
    # A fresh interpreter for each worker: forking after PyTorch has started threads can hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(
        max(1, workers), context, _start_worker, (os.getpid(), stop))
    try:
        jobs = {pool.submit(train_one, recipe, network, folder, dataset): network
                for network in waiting}
        for count, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            found, done_cost = job.result(), done_cost + _cost(jobs[job])
            left = (time.monotonic() - start) * (cost - done_cost) / done_cost
            say(f"[{count + total - len(waiting)}/{total}] {jobs[job]}: "
                f"test error {found['test_error']:.3f}, "
                f"training error {found['train_error']:.3f}; {left:.0f} s left")
    except concurrent.futures.BrokenExecutor as problem:
        raise ChildProcessError("a training process died (out of memory?); the same command goes "
                                "on where it stopped") from problem
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return len(waiting)


def _start_worker(parent, stop):
    # Ctrl-C reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent, stop), daemon=True).start()


def _leave_with(parent, stop):
    """End this worker in the midst of its work when it shall stop, or when its parent is gone."""
    while not stop.wait(1) and os.getppid() == parent:
        pass
    os._exit(1)


def train_one(recipe, network, folder, dataset=None):
    """Train one network, export its activations of both splits, return its errors and losses."""
    import torch

    torch.set_num_threads(1)
    train_images, train_clean = _as_tensors(*_split(recipe, "train", dataset))
    test_images, test_clean = _as_tensors(*_split(recipe, "test", dataset))
    given = torch.from_numpy(_given_labels(network, train_clean.numpy()))
    model = _new_model(network)
    if network.train != "untrained":
        _fit(model, train_images, given, recipe, network)
    found = {
        **_errors(model, test_images, test_clean, "test"),
        **_errors(model, train_images, given, "train"),
        "parameters": sum(part.numel() for part in model.parameters()),
    }
    batches = {"train": train_images, "test": test_images}
    labels = {"train": {"given": given}, "test": {}}
    for split, rows in batches.items():
        export(model, rows.split(EXPORT_BATCH), LAYERS, network.file(folder, split),
               labels=labels[split], meta=found)
    return found


def _claim(recipe, folder):
    """Write down the recipe in `folder`, or refuse a folder that was made with another one."""
    path = os.path.join(folder, "recipe.json")
    ours = json.loads(json.dumps(dataclasses.asdict(recipe)))
    os.makedirs(os.path.join(folder, "acts"), exist_ok=True)
    if not os.path.exists(path):
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(ours, file, indent=1)
        os.replace(path + ".part", path)
        return
    with open(path, encoding="utf-8") as file:
        theirs = json.load(file)
    other = [f"{name} {theirs.get(name)}, now {value}" for name, value in ours.items()
             if theirs.get(name) != value]
    if other:
        raise FileExistsError(f"{folder} holds networks trained with other settings "
                              f"({'; '.join(other)}); remove it or choose another --data")


def read_recipe(folder):
    """Return the recipe that the networks in `folder` were trained with."""
    with open(os.path.join(folder, "recipe.json"), encoding="utf-8") as file:
        values = json.load(file)
    return Recipe(**{name: tuple(value) if isinstance(value, list) else value
                     for name, value in values.items()})


def _write_images(recipe, folder, split, dataset):
    """Write the input and its labels once, for all networks: data-train.h5, data-test.h5."""
    path = os.path.join(folder, f"data-{split}.h5")
    if not os.path.exists(path):
        pixels, clean = _split(recipe, split, dataset)
        save(path, {"input": pixels}, labels={"clean": clean})


@functools.lru_cache(maxsize=None)
def _split(recipe, split, dataset):
    count = recipe.train_images if split == "train" else recipe.test_images
    return images.read_split(split, count, dataset)


def _as_tensors(pixels, labels):
    import torch

    return torch.from_numpy(pixels.astype(np.float32) / 255), torch.from_numpy(labels)


def _given_labels(network, clean):
    """Return the labels that a network is trained on; the same for all widths of a seed."""
    if network.train == "random":
        return images.random_labels(len(clean), network.seed)
    return images.noisy_labels(clean, network.noise, network.seed)


def _seed(network, purpose):
    """Return a seed that depends on width and seed alone: twins start and proceed alike."""
    key = np.random.SeedSequence([network.seed, network.width, purpose])
    return int(key.generate_state(1)[0])


def _new_model(network):
    import torch
    from torch import nn

    width = network.width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed(network, 0))
        model = nn.Sequential()
        model.add_module("fc1", nn.Linear(PIXELS, width))
        model.add_module("relu1", nn.ReLU())
        model.add_module("fc2", nn.Linear(width, width))
        model.add_module("relu2", nn.ReLU())
        model.add_module("logits", nn.Linear(width, images.CLASSES))
    return model


def _fit(model, rows, labels, recipe, network):
    """Train in place. Batches are indexed out of one tensor: a DataLoader would take most time."""
    import torch

    order = torch.Generator().manual_seed(_seed(network, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.rate, foreach=True)
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(rows), generator=order).split(recipe.batch):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[batch]), labels[batch]).backward()
            optimiser.step()


def _errors(model, rows, labels, split):
    """Return the fraction of wrong answers and the mean cross-entropy in nats."""
    import torch

    with torch.no_grad():
        logits = model(rows)
        wrong = (logits.argmax(1) != labels).double().mean().item()
        loss = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    return {f"{split}_error": wrong, f"{split}_loss": loss}


def _cost(network):
    """Return the relative time that a network takes: its weights, plus a step's fixed cost."""
    steps = 0 if network.train == "untrained" else 1
    return 5e4 + steps * (784 * network.width + network.width**2 + 5e4)
