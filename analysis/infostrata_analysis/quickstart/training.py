"""Train the quickstart's networks and export their activations; those of the studies, too.

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
from . import images, models

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
    # Numbers of epochs after which the activations of the training images are kept, too.
    kept: tuple = ()
    layers: tuple = tuple(models.LAYERS)
    # Kinds of networks (models.py), each with widths of its own; (): "dense", in files without a kind.
    nets: tuple = ()
    net_widths: tuple = ()
    # Training images of each of the widths; (): train_images for all.
    samples: tuple = ()
    trains: tuple = ("noise", "random", "untrained")


FULL = Recipe()
SMALL = Recipe(widths=(4, 16), seeds=(0,), train_images=500, test_images=1000, epochs=20)
COURSE = Recipe(widths=(512,), noises=(0.0, 0.2, 0.4), kept=(0, 1, 2, 5, 10, 20, 50, 100))
# jobs/label-noise: more of everything, and a convolutional network.
STUDY = Recipe(nets=("dense", "conv"),
               net_widths=((2, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512), (2, 4, 8, 16)),
               noises=(0.0, 0.1, 0.2, 0.4), layers=("hidden2", "logits"))
# The same, where training images grow with the parameters: 16 parameters an image.
SCALED = Recipe(widths=(4, 8, 16, 32, 64, 128), samples=(200, 400, 820, 1680, 3480, 7380),
                noises=(0.0,), layers=("hidden2", "logits"), trains=("random", "untrained"))
RECIPES = {"full": FULL, "small": SMALL, "course": COURSE, "study": STUDY, "scaled": SCALED}


@dataclasses.dataclass(frozen=True)
class Network:
    """One point of the sweep; `train` is "noise", "random" or "untrained"."""

    train: str
    noise: float
    width: int
    seed: int
    net: str = ""
    samples: int = 0

    def file(self, folder, split, epoch=None):
        net = f"{self.net}-" if self.net else ""
        of = f"-m{self.samples}" if self.samples else ""
        at = "" if epoch is None else f"-e{epoch}"
        name = f"{net}{self.train}-n{self.noise}-w{self.width}-s{self.seed}{of}{at}-{split}.h5"
        return os.path.join(folder, "acts", name)

    def kept(self, recipe):
        """Return the epochs whose activations have a file of their own."""
        return () if self.train == "untrained" else recipe.kept

    def exported(self, recipe, folder):
        files = [self.file(folder, split) for split in images.FILES]
        files += [self.file(folder, "train", epoch) for epoch in self.kept(recipe)]
        return all(map(os.path.exists, files))

    def __str__(self):
        what = {"random": "random labels", "untrained": "untrained"}.get(self.train)
        if what is None:
            what = f"{100 * self.noise:.0f} % label noise" if self.noise else "clean labels"
        net = f"{self.net}, " if self.net else ""
        return f"{net}width {self.width}, seed {self.seed}, {what}"


def networks(recipe):
    """Return every network of a recipe, the ones that take longest first."""
    kinds = [(train, noise) for train in recipe.trains
             for noise in (recipe.noises if train == "noise" else (0.0,))]
    sizes = [(width, net, 0) for net, widths in zip(recipe.nets, recipe.net_widths) for width in widths]
    if not recipe.nets:
        samples = recipe.samples or (0,) * len(recipe.widths)
        sizes = [(width, "", count) for width, count in zip(recipe.widths, samples)]
    found = [
        Network(train, noise, width, seed, net, count)
        for (width, net, count), seed, (train, noise) in itertools.product(
            sorted(sizes, reverse=True), recipe.seeds, kinds)
    ]
    return sorted(found, key=_cost, reverse=True)


def train_all(recipe, folder, workers, dataset=None, say=print):
    """Train and export what `folder` does not hold yet; return the number of networks trained.

    `workers` processes run at once, each on one thread. `say` gets one line of text a network.
    """
    _claim(recipe, folder)
    for split in images.FILES:
        _write_images(recipe, folder, split, dataset)
    waiting = [network for network in networks(recipe) if not network.exported(recipe, folder)]
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
    train_images, train_clean = _as_tensors(*_split(recipe, "train", dataset, network.samples))
    test_images, test_clean = _as_tensors(*_split(recipe, "test", dataset))
    given = torch.from_numpy(_given_labels(network, train_clean.numpy()))
    model = models.new(network.net or "dense", network.width, _seed(network, 0))
    layers = {name: models.LAYERS[name] for name in recipe.layers}
    batches = {"train": train_images, "test": test_images}
    labels = {"train": {"given": given}, "test": {}}

    def keep(split, epoch=None):
        found = {
            **_errors(model, test_images, test_clean, "test"),
            **_errors(model, train_images, given, "train"),
            "parameters": sum(part.numel() for part in model.parameters()),
        }
        export(model, batches[split].split(EXPORT_BATCH), layers,
               network.file(folder, split, epoch), labels=labels[split], meta=found)
        return found

    for epoch in _epochs(model, train_images, given, recipe, network):
        if epoch in network.kept(recipe):
            keep("train", epoch)
    keep("train")
    return keep("test")


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
    # A folder from before a setting existed was made with its default.
    theirs = {**json.loads(json.dumps(dataclasses.asdict(Recipe()))), **theirs}
    other = [f"{name} {theirs[name]}, now {value}" for name, value in ours.items()
             if theirs[name] != value]
    if other:
        raise FileExistsError(f"{folder} holds networks trained with other settings "
                              f"({'; '.join(other)}); remove it or choose another --data")


def read_recipe(folder):
    """Return the recipe that the networks in `folder` were trained with."""
    with open(os.path.join(folder, "recipe.json"), encoding="utf-8") as file:
        values = json.load(file)
    return Recipe(**{name: _as_tuple(value) for name, value in values.items()})


def _as_tuple(value):
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _write_images(recipe, folder, split, dataset):
    """Write the input and its labels once, for all networks: data-train.h5, data-test.h5."""
    path = os.path.join(folder, f"data-{split}.h5")
    if not os.path.exists(path):
        pixels, clean = _split(recipe, split, dataset)
        save(path, {"input": pixels}, labels={"clean": clean})


@functools.lru_cache(maxsize=None)
def _split(recipe, split, dataset, samples=0):
    count = (samples or recipe.train_images) if split == "train" else recipe.test_images
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


def _epochs(model, rows, labels, recipe, network):
    """Train in place; yield the number of epochs done: 0, and after each. "untrained" has none.

    Batches are indexed out of one tensor: a DataLoader would take most of the time.
    """
    import torch

    yield 0
    if network.train == "untrained":
        return
    order = torch.Generator().manual_seed(_seed(network, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.rate, foreach=True)
    for epoch in range(recipe.epochs):
        for batch in torch.randperm(len(rows), generator=order).split(recipe.batch):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[batch]), labels[batch]).backward()
            optimiser.step()
        yield epoch + 1


def _errors(model, rows, labels, split):
    """Return the fraction of wrong answers and the mean cross-entropy in nats."""
    import torch

    with torch.no_grad():
        logits = model(rows)
        wrong = (logits.argmax(1) != labels).double().mean().item()
        loss = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    return {f"{split}_error": wrong, f"{split}_loss": loss}


def _cost(network):
    """Return the relative time that a network takes: its operations, plus a step's fixed cost."""
    steps = 0 if network.train == "untrained" else max(network.samples, 1000) / 1000
    return 5e4 + steps * (models.operations(network.net or "dense", network.width) + 5e4)
