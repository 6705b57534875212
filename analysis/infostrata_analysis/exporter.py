"""Write activations to HDF5 in the layout that infostrata reads by default.

    /layers/<name>    N x d or N x c x h x w, attribute `layer_index`
    /labels/<name>    integer, N
    /sample_id        int64, N: the same number is the same sample in every file
    file attributes   scalars; each becomes a column meta.<name> of results.csv
"""

import contextlib
import difflib
import numbers
import os
import warnings

import h5py
import numpy as np

CHUNK_BYTES = 1 << 20
CHUNK_ROWS = 1024


class ExportError(ValueError):
    """The activations asked for cannot be written; nothing was left behind."""


def export(
    model, loader, layers, file, *,
    labels=None, sample_id=None, meta=None, forward=None, pick=None, dtype=None, device=None,
):
    """Run a PyTorch model over a loader and write the activations of its layers to `file`.

    model      a torch.nn.Module. It is put in eval mode for the run, every part of it is put back
               into its own mode afterwards, and no gradients are kept.
    loader     a DataLoader, or any iterable of batches. A batch is a tensor, or a tuple, list or
               dict whose first tensor is the input; its first dimension is the samples. Row i of
               every layer is the i-th sample of the loader, so a loader that shuffles is an error:
               the rows of two files would not be the same samples. Switch off random
               augmentation too, for the same reason.
    layers     the modules to record, as `model.named_modules()` names them: ["fc1", "encoder.3"],
               or a dict of your name -> module name: {"penultimate": "classifier.4"}. The module
               name "" is the model's own output. The order given becomes `layer_index`.
    file       the HDF5 file to write. It is written under another name and renamed when complete:
               a file of this name is whole, or it is the one that was there before.
    labels     None: if batches are (input, integers), these are stored as /labels/label.
               "given": the same, as /labels/given. {"clean": array, ...}: these vectors of N
               integers. {}: no labels.
    sample_id  N integers that name the samples. Default: the position in the dataset (for a
               torch.utils.data.Subset its `indices`), or 0 .. N-1.
    meta       scalars to keep with the file, {"test_error": 0.12, "epoch": 30}: numbers become
               columns meta.<name> of results.csv; text is kept in the file alone.
    forward    how to run a batch, when it is not model(input): for a batch that is a dict,
               forward=lambda model, batch: model(**batch).
    pick       {layer: function} for modules whose output is not one tensor, or too large: the
               function gets the output and returns the tensor to keep, samples first.
               {"block3": lambda out: out[0][:, 0]} keeps the first token.
    dtype      "float32", "float16", ...: convert before writing. Default: as computed; bfloat16,
               which HDF5 does not have, becomes float32.
    device     where to run. Default: where the model's parameters are; batches are moved there.

    Returns {layer name: shape written}.

    Rows are copied out of the model as each batch passes, so a later in-place ReLU does not change
    them, and go straight to the file: memory is that of one batch, whatever N.

    >>> export(net, DataLoader(test_set, batch_size=500), ["fc1", "fc2"], "acts/net.h5",
    ...        meta={"test_error": error})                                  # doctest: +SKIP
    """
    import torch

    names = _resolve_layers(model, layers)
    order = _loader_order(loader)
    device = torch.device(device) if device is not None else _device_of(model)
    if forward is None:
        forward = _call_with_input
    label_name = _label_name(labels)
    found_labels = []
    with _Writer(file) as writer, _evaluating(model), torch.no_grad(), \
            _Recorder(model, names, pick or {}) as recorder:
        for batch in loader:
            size = _batch_size(batch)
            recorder.clear()
            forward(model, _to_device(batch, device))
            for name, rows in recorder.take(size).items():
                writer.append(name, _to_numpy(rows, dtype))
            if label_name is not None:
                found_labels.append(_batch_labels(batch, required=labels is not None))
        if not writer.rows:
            raise ExportError("the loader gave no batches, so there is nothing to export")
        writer.labels(_all_labels(labels, label_name, found_labels))
        writer.sample_id(order if sample_id is None else sample_id)
        writer.meta(meta or {})
        return writer.shapes()


def save(file, layers, *, labels=None, sample_id=None, meta=None):
    """Write arrays that you already have to `file`, in the layout that infostrata reads.

    file       the HDF5 file; written under another name and renamed when complete.
    layers     {name: array}, N x d, N x c x h x w, or N (written as N x 1); float16, float32,
               float64 or integer. The order given becomes `layer_index`. May be {} for a file of
               labels alone.
    labels     {name: N integers}, any values.
    sample_id  N integers that name the samples; default 0 .. N-1.
    meta       {name: number}: columns meta.<name> of results.csv; text is kept in the file alone.

    Returns {layer name: shape written}.

    >>> save("acts/run1.h5", {"fc1": fc1, "fc2": fc2}, labels={"class": y})  # doctest: +SKIP
    """
    with _Writer(file) as writer:
        for name, array in layers.items():
            writer.append(name, np.asarray(array))
        writer.labels(labels or {})
        writer.sample_id(sample_id)
        writer.meta(meta or {})
        return writer.shapes()


# --- the file ------------------------------------------------------------------------------------


class _Writer:
    """An HDF5 file that appears under its name only when the `with` block ends without an error."""

    def __init__(self, file):
        self.path = os.path.abspath(os.fspath(file))
        self.part = f"{self.path}.part-{os.getpid()}"
        self.rows = {}

    def __enter__(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.file = h5py.File(self.part, "w")
        self.file.create_group("layers")
        return self

    def __exit__(self, kind, error, trace):
        self.file.close()
        if kind is None:
            _to_disk(self.part)
            os.replace(self.part, self.path)
        else:
            os.unlink(self.part)

    def append(self, name, rows):
        """Add `rows` (samples first) to the end of layer `name`."""
        if rows.ndim == 1:
            rows = rows[:, None]
        self._check_rows(name, rows)
        if name not in self.rows:
            self._create(name, rows)
            self.rows[name] = 0
        dataset = self.file["layers"][name]
        if dataset.shape[1:] != rows.shape[1:]:
            raise ExportError(
                f"layer '{name}': a batch has shape {rows.shape}, the ones before it "
                f"N x {' x '.join(map(str, dataset.shape[1:]))}; every sample needs the same shape "
                "(pool or pad in the loader, or with pick=)"
            )
        start = self.rows[name]
        dataset.resize(start + len(rows), axis=0)
        dataset[start:] = rows
        self.rows[name] = start + len(rows)

    def _create(self, name, rows):
        if not name or "/" in name or name in (".", ".."):
            raise ExportError(f"'{name}' cannot be the name of an HDF5 dataset; rename it with "
                              "layers={'name': 'module'}")
        row_bytes = max(1, rows[:1].nbytes)
        chunk = max(1, min(CHUNK_ROWS, CHUNK_BYTES // row_bytes))
        dataset = self.file["layers"].create_dataset(
            name, shape=(0, *rows.shape[1:]), maxshape=(None, *rows.shape[1:]),
            chunks=(chunk, *rows.shape[1:]), dtype=rows.dtype,
        )
        dataset.attrs["layer_index"] = len(self.rows)

    def _check_rows(self, name, rows):
        if rows.dtype.kind not in "fiu":
            raise ExportError(f"layer '{name}' holds {rows.dtype}; infostrata reads real floating "
                              "point and integer layers")
        if 0 in rows.shape[1:]:
            raise ExportError(f"layer '{name}' has shape {rows.shape}: no features")
        if rows.dtype.kind != "f":
            return
        good = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
        if not good.all():
            row = self.rows.get(name, 0) + int(np.argmin(good))
            warnings.warn(f"layer '{name}', row {row}: NaN or Inf; infostrata will refuse this "
                          "layer (float16 overflow? try dtype='float32')", stacklevel=4)

    def labels(self, vectors):
        for name, vector in vectors.items():
            self._vector(f"labels/{name}", _integers(f"labels '{name}'", vector))

    def sample_id(self, ids):
        if ids is None:
            ids = np.arange(self._length())
        self._vector("sample_id", _integers("sample_id", ids).astype(np.int64))

    def _length(self):
        lengths = set(self.rows.values())
        if not lengths and "labels" in self.file:
            lengths = {len(vector) for vector in self.file["labels"].values()}
        if len(lengths) > 1:
            raise ExportError("the layers have different numbers of rows: "
                              + ", ".join(f"{name} {n}" for name, n in self.rows.items()))
        return lengths.pop() if lengths else 0

    def _vector(self, name, values):
        n = self._length()
        if n and len(values) != n:
            raise ExportError(f"{name} has {len(values)} values, the layers have {n} rows")
        self.file[name] = values

    def meta(self, scalars):
        for name, value in scalars.items():
            self.file.attrs[name] = _scalar(name, value)

    def shapes(self):
        return {name: self.file["layers"][name].shape for name in self.rows}


def _to_disk(path):
    """Force a file's bytes out, so that the rename cannot come to the disk before them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _integers(what, values):
    array = _to_numpy(values, None) if hasattr(values, "detach") else np.asarray(values)
    if array.ndim != 1:
        raise ExportError(f"{what} has shape {array.shape}; one integer a sample is needed"
                          + (" (argmax over the columns, if it is one-hot)"
                             if array.ndim == 2 else ""))
    if array.dtype.kind not in "iu":
        raise ExportError(f"{what} holds {array.dtype}; integers are needed")
    return array


def _scalar(name, value):
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (numbers.Integral, numbers.Real)):
        return value
    if isinstance(value, str):
        return value
    raise ExportError(f"meta '{name}' is {type(value).__name__}; a number or a text is needed")


# --- the model -----------------------------------------------------------------------------------


class _Recorder:
    """Forward hooks on the named modules, holding a copy of each one's output of one forward."""

    def __init__(self, model, names, pick):
        for name in pick:
            if name not in names:
                raise ExportError(f"pick names the layer '{name}', which is not among those asked "
                                  f"for: {', '.join(names)}")
        self.model, self.names, self.pick = model, names, pick
        self.rows, self.hooks = {}, []

    def __enter__(self):
        modules = dict(self.model.named_modules())
        for name, path in self.names.items():
            self.hooks.append(modules[path].register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()

    def _hook(self, name):
        def keep(_module, _inputs, output):
            if name in self.rows:
                raise ExportError(
                    f"layer '{name}' ran twice in one forward, so it has no single activation; "
                    "give each use its own module (one nn.ReLU() used everywhere?), or name the "
                    "layer before it"
                )
            if name in self.pick:
                output = self.pick[name](output)
            # A copy, not a view: what follows may work in place on this very memory.
            self.rows[name] = _one_tensor(name, output).detach().to("cpu", copy=True)
        return keep

    def clear(self):
        self.rows = {}

    def take(self, size):
        """Return {name: rows} of the last forward, in the order asked for."""
        silent = [name for name in self.names if name not in self.rows]
        if silent:
            raise ExportError(
                f"layer {_quoted(silent)} produced nothing: the forward pass does not call it as a "
                "module (a function such as F.relu(x), or a part that is not used, has no hook)"
            )
        sizes = {name: rows.shape[0] if rows.ndim else 0 for name, rows in self.rows.items()}
        expected = size if size is not None else next(iter(sizes.values()))
        for name, found in sizes.items():
            if found != expected:
                raise ExportError(
                    f"layer '{name}' gave {found} rows for a batch of {expected}; the first "
                    "dimension must be the samples (use pick= to bring it there)"
                )
        return {name: self.rows[name] for name in self.names}


def _one_tensor(name, output):
    if hasattr(output, "detach"):
        return output
    kind = type(output).__name__
    count = f" of {len(output)}" if isinstance(output, (tuple, list, dict)) else ""
    raise ExportError(
        f"layer '{name}' returns a {kind}{count}, not one tensor; say which part to keep: "
        f"pick={{'{name}': lambda out: out[0]}}"
    )


def _resolve_layers(model, layers):
    """Return {name to write: module name}, all of them known to the model."""
    if isinstance(layers, str):
        layers = [layers]
    names = dict(layers) if isinstance(layers, dict) else {name: name for name in layers}
    if not names:
        raise ExportError("no layers asked for")
    known = [path for path, _ in model.named_modules()]
    for path in names.values():
        if path not in known:
            raise ExportError(_unknown_layer(path, [name for name in known if name]))
    return names


def _unknown_layer(path, known):
    close = difflib.get_close_matches(str(path), known, n=1, cutoff=0.5)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    shown = ", ".join(known[:60]) + (f", ... ({len(known)} in all)" if len(known) > 60 else "")
    return f"the model has no layer '{path}'{hint}; its layers are: {shown}"


def _quoted(names):
    return ", ".join(f"'{name}'" for name in names)


@contextlib.contextmanager
def _evaluating(model):
    """Eval mode for the block; afterwards every module has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        # One by one: model.train() would also wake parts that were frozen on purpose.
        for module, training in modes:
            module.training = training


def _device_of(model):
    tensor = next(model.parameters(), None)
    if tensor is None:
        tensor = next(model.buffers(), None)
    return None if tensor is None else tensor.device


def _call_with_input(model, batch):
    if isinstance(batch, dict):
        raise ExportError("the batches are dicts; say how to run one: "
                          "forward=lambda model, batch: model(**batch)")
    return model(batch[0] if isinstance(batch, (tuple, list)) else batch)


def _to_device(batch, device):
    if device is None:
        return batch
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, dict):
        return {name: _to_device(item, device) for name, item in batch.items()}
    if isinstance(batch, (tuple, list)):
        return [_to_device(item, device) for item in batch]
    return batch


def _batch_size(batch):
    """Return the number of samples of a batch: the first dimension of its first tensor."""
    if hasattr(batch, "shape"):
        return batch.shape[0] if len(batch.shape) else None
    items = batch.values() if isinstance(batch, dict) else batch
    if isinstance(batch, (dict, tuple, list)):
        for item in items:
            size = _batch_size(item)
            if size is not None:
                return size
    return None


def _to_numpy(tensor, dtype):
    import torch

    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach().cpu()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        if tensor.dtype == torch.bool:
            tensor = tensor.to(torch.int8)
        tensor = tensor.numpy()
    return tensor if dtype is None else tensor.astype(dtype)


# --- the loader ----------------------------------------------------------------------------------


def _loader_order(loader):
    """Refuse a loader that shuffles; return the samples' ids where the dataset tells them."""
    import torch.utils.data as data

    if not isinstance(loader, data.DataLoader) or isinstance(loader.dataset, data.IterableDataset):
        return None
    samplers = [loader.sampler, loader.batch_sampler,
                getattr(loader.batch_sampler, "sampler", None)]
    for sampler in samplers:
        if sampler is not None and _shuffles(sampler, data):
            raise ExportError(
                f"the loader shuffles ({type(sampler).__name__}), so row i would be another sample "
                "in every file; make one with DataLoader(dataset, batch_size=..., shuffle=False)"
            )
    plain = type(loader.sampler) is data.SequentialSampler \
        and type(loader.batch_sampler) is data.BatchSampler and not loader.drop_last
    if plain and isinstance(loader.dataset, data.Subset):
        return np.asarray(loader.dataset.indices, dtype=np.int64)
    return None


def _shuffles(sampler, data):
    if type(sampler) in (data.SequentialSampler, data.BatchSampler):
        return False
    random = (data.RandomSampler, data.SubsetRandomSampler, data.WeightedRandomSampler,
              data.DistributedSampler)
    if isinstance(sampler, random):
        # A DistributedSampler hands each process a part: never the whole data in order.
        return True
    # Somebody's own sampler: one that gives another order the second time is random.
    return list(sampler) != list(sampler)


def _label_name(labels):
    """Return the name under which the batches' own labels are stored, None for not at all."""
    if labels is None:
        return "label"
    return labels if isinstance(labels, str) else None


def _batch_labels(batch, required):
    """Return the integer vector that a batch carries as its second element, or None."""
    second = batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
    kind = str(getattr(second, "dtype", ""))
    if second is not None and getattr(second, "ndim", 0) == 1 and "int" in kind:
        return np.asarray(second.cpu() if hasattr(second, "cpu") else second)
    if required:
        raise ExportError("labels were asked for by name, but the batches have no vector of "
                          "integers as their second element; pass labels={'name': array}")
    return None


def _all_labels(labels, label_name, found):
    if label_name is None:
        return labels
    if not found or any(part is None for part in found):
        return {}
    return {label_name: np.concatenate(found)}
