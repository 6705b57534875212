"""The networks of the quickstart and of the studies, for images of 28 x 28 in rows of 784.

    dense   784 - width - width - 10, ReLU
    conv    width and 2 width channels (3 x 3, ReLU, the largest of 2 x 2), 4 width units, 10
"""

from . import images

PIXELS = 784
# What a layer is called, and the module whose output it is; the same for all kinds.
LAYERS = {"hidden1": "relu1", "hidden2": "relu2", "logits": "logits"}


def new(net, width, seed):
    """Return a network of a kind, its first weights decided by seed (and width) alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {"dense": _dense, "conv": _conv}[net](width)


def operations(net, width):
    """Return the multiplications of one image, about."""
    if net == "dense":
        return PIXELS * width + width**2
    return 784 * 9 * width + 196 * 18 * width**2 + 49 * 8 * width**2


def _dense(width):
    from torch import nn

    return _named(
        fc1=nn.Linear(PIXELS, width), relu1=nn.ReLU(), fc2=nn.Linear(width, width),
        relu2=nn.ReLU(), logits=nn.Linear(width, images.CLASSES))


def _conv(width):
    from torch import nn

    return _named(
        image=nn.Unflatten(1, (1, 28, 28)),
        conv1=nn.Conv2d(1, width, 3, padding=1), act1=nn.ReLU(), relu1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(width, 2 * width, 3, padding=1), act2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(), fc=nn.Linear(49 * 2 * width, 4 * width), relu2=nn.ReLU(),
        logits=nn.Linear(4 * width, images.CLASSES))


def _named(**modules):
    from torch import nn

    model = nn.Sequential()
    for name, module in modules.items():
        model.add_module(name, module)
    return model
