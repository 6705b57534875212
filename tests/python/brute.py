"""The neighbour measures by brute force: float64, from their definitions and nothing else.

mi_ross, mi_ksg, mi_mixed, entropy_kl, dimension, overlap, imbalance, as docs/measures/ defines them. Written apart from the
program: no list is shortened, no pair is left out, all N distances of a row are looked at. Rows come in blocks, so that N = 5,000
takes some tens of megabytes. What the program may do faster, it must do with these numbers (1e-9 relative). `null` computes a
measure of two layers again and again with the rows of the second in the program's random orders.

What all of them share:

- A row is not its own neighbour, by its index. A duplicate of it is a neighbour at distance 0.
- Neighbours of a row are ordered by (distance, index): the program's `ties: index`. Only overlap, imbalance and mi_ksg of type 2
  depend on that order; the others ask for distances and counts alone. Imbalance knows `ties: random`, too.
- The Euclidean distance is compared squared, the sum of (a - b)^2 over the features in their order.
- Nothing is clipped, no noise is added. Numbers are nats.
"""

import math

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import digamma, gammaln

METRICS = {"euclidean": "sqeuclidean", "manhattan": "cityblock", "chebyshev": "chebyshev", "cosine": "sqeuclidean"}
BLOCK = 1 << 21  # entries of one block of distances


# ---- spaces ----

def layer(values):
    """N x d in float64; -0 becomes 0."""
    x = np.asarray(values, dtype=np.float64)
    return np.ascontiguousarray(x.reshape(len(x), -1)) + 0.0


def distinct(x):
    """The rows that equal no earlier row, in their order."""
    x = layer(x)
    first = np.unique(x, axis=0, return_index=True)[1]
    return x[np.sort(first)]


def mean_square_distance(x):
    """Mean of the squared Euclidean distance over all pairs i != j."""
    centred = x - x.mean(axis=0)
    return 2 / (len(x) - 1) * math.fsum((centred * centred).sum(axis=1))


def zscore(x):
    """Each column less its mean, over its standard deviation (ddof 1); a constant column becomes 0.

    Sums are exact: the last bits of a column decide whether rows that were equally near before still are.
    """
    constant = (x == x[0]).all(axis=0)
    rest = x - np.array([math.fsum(column) for column in x.T]) / len(x)
    square = np.array([math.fsum(column) for column in (rest * rest).T])
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = rest / np.sqrt(square / (len(x) - 1))
    return np.where(constant, 0.0, scaled)


def directions(x):
    """Each row over its length, zero rows as they are; sums of squares in the order of the features."""
    power = np.frexp(np.abs(x).max(axis=1))[1]
    scaled = np.ldexp(x, -power[:, None])
    length = np.sqrt(np.add.accumulate(scaled * scaled, axis=1)[:, -1:])
    return np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0)


class Space:
    """A layer with its metric and scale: distances as they are compared (Euclidean ones and chords squared)."""

    def __init__(self, values, metric="euclidean", scale="none"):
        self.x, self.metric, self.factor = layer(values), metric, 1.0
        if scale == "zscore":
            self.x = zscore(self.x)
        if metric == "cosine":
            self.x = directions(self.x)
        if scale == "rms":
            # Zero rows are at the squared distance 2 from all others: a direction of their own.
            own = (self.x == 0).all(axis=1, keepdims=True) if metric == "cosine" else np.empty((len(self.x), 0))
            square = mean_square_distance(np.hstack([self.x, own]))
            if square > 0:
                self.factor = 1 / square if METRICS[metric] == "sqeuclidean" else 1 / math.sqrt(square)
        elif scale not in ("none", "zscore"):
            raise ValueError(f"no scale {scale}")

    def __len__(self):
        return len(self.x)

    def only(self, rows):
        """The same space, as scaled, with some of its rows."""
        some = Space(self.x[rows])
        some.metric, some.factor = self.metric, self.factor
        return some

    def rows(self, first, last):
        found = cdist(self.x[first:last], self.x, METRICS[self.metric])
        if self.metric == "cosine":
            zero = (self.x == 0).all(axis=1)
            found[zero[first:last, None] != zero[None, :]] = 2
        return found * self.factor


class Labels:
    """Labels as a space: 0 within a class, infinity between classes."""

    def __init__(self, values):
        self.y = np.asarray(values)

    def __len__(self):
        return len(self.y)

    def rows(self, first, last):
        return np.where(self.y[first:last, None] == self.y[None, :], 0.0, np.inf)


def blocks(n):
    """(indices of the block's rows, True at each row's own place)."""
    step = max(1, BLOCK // n)
    for first in range(0, n, step):
        rows = np.arange(first, min(n, first + step))
        own = np.zeros((len(rows), n), dtype=bool)
        own[np.arange(len(rows)), rows] = True
        yield rows, own


def nearest(distances, own, k):
    """Indices of the first k by (distance, index), a row itself never among them."""
    n = distances.shape[1]
    if not 0 < k < n:
        raise ValueError(f"k = {k} of {n} rows")
    # The row itself goes last even where other distances are infinite.
    order = np.lexsort((np.broadcast_to(np.arange(n), own.shape), distances, own), axis=1)
    return order[:, :k]


def neighbours(space, k):
    """(indices, distances as compared), N x k each."""
    index, distance = [], []
    for rows, own in blocks(len(space)):
        found = space.rows(rows[0], rows[-1] + 1)
        near = nearest(found, own, k)
        index.append(near)
        distance.append(np.take_along_axis(found, near, axis=1))
    return np.concatenate(index), np.concatenate(distance)


def mean(values):
    values = np.asarray(values, dtype=np.float64)
    return math.fsum(values) / len(values) if np.isfinite(values).all() else values.mean()


def classes(labels):
    """(classes numbered from 0, the size of each row's class)."""
    number, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)[1:]
    return number, counts[number]


# ---- layer and labels ----

def ross_rows(labels):
    """Which rows mi_ross keeps: those whose class has another one."""
    return classes(labels)[1] > 1


def mi_ross(values, labels, k=3, metric="euclidean", scale="none"):
    """I(layer; labels), Ross 2014, both counts non-strict. Rows whose class has no other row are left out altogether."""
    kept = ross_rows(labels)
    if not kept.any():
        raise ValueError("no class has two rows")
    space = Space(values, metric, scale).only(kept)
    number, size = classes(np.asarray(labels)[kept])
    terms = np.empty(len(number))
    for rows, own in blocks(len(number)):
        distances = space.rows(rows[0], rows[-1] + 1)
        same = (number[rows, None] == number[None, :]) & ~own
        inside = np.sort(np.where(same, distances, np.inf), axis=1)
        reach = np.minimum(k, size[rows] - 1)
        radius = np.take_along_axis(inside, reach[:, None] - 1, axis=1)
        within = (distances <= radius) & ~own
        terms[rows] = digamma((within & same).sum(axis=1)) - digamma(size[rows]) - digamma(within.sum(axis=1))
    return digamma(len(number)) + mean(terms)


def ross_ceiling(labels):
    """What perfectly separated classes give."""
    size = classes(np.asarray(labels)[ross_rows(labels)])[1]
    return digamma(len(size)) - mean(digamma(size))


# ---- layer and layer ----

def mi_ksg(source, target, k=3, type=1, metric="euclidean", scale="rms"):
    """I(layer; layer), Kraskov et al. 2004, type 1 or 2, on the larger of the two distances.

    Type 1: a row whose k-th joint distance is 0 has the counts of the mixed estimator's branch for it: the rows equal to it
    in both layers instead of k, those equal in each layer instead of n + 1. The constant psi(N) stays.
    """
    x, y = Space(source, metric, scale), Space(target, metric, scale)
    n = len(x)
    terms = np.empty(n)
    for rows, own in blocks(n):
        dx, dy = x.rows(rows[0], rows[-1] + 1), y.rows(rows[0], rows[-1] + 1)
        joint = np.maximum(dx, dy)
        near = nearest(joint, own, k)
        if type == 1:
            eps = np.take_along_axis(joint, near[:, -1:], axis=1)
            nx, ny = ((dx < eps) & ~own).sum(axis=1) + 1, ((dy < eps) & ~own).sum(axis=1) + 1
            zero = eps[:, 0] == 0
            kt = np.where(zero, (joint == 0).sum(axis=1), k)
            nx, ny = np.where(zero, (dx == 0).sum(axis=1), nx), np.where(zero, (dy == 0).sum(axis=1), ny)
            terms[rows] = digamma(kt) - digamma(nx) - digamma(ny)
        elif type == 2:
            ex = np.take_along_axis(dx, near, axis=1).max(axis=1, keepdims=True)
            ey = np.take_along_axis(dy, near, axis=1).max(axis=1, keepdims=True)
            nx, ny = ((dx <= ex) & ~own).sum(axis=1), ((dy <= ey) & ~own).sum(axis=1)
            terms[rows] = digamma(k) - 1 / k - digamma(nx) - digamma(ny)
        else:
            raise ValueError(f"no type {type}")
    return digamma(n) + mean(terms)


def zero_radius(source, target, k=3):
    """The fraction of rows whose k-th joint distance is 0: no metric and no scale changes it."""
    x, y = Space(source), Space(target)
    zero = 0
    for rows, own in blocks(len(x)):
        equal = (x.rows(rows[0], rows[-1] + 1) == 0) & (y.rows(rows[0], rows[-1] + 1) == 0) & ~own
        zero += int((equal.sum(axis=1) >= k).sum())
    return zero / len(x)


def mi_mixed(source, target, k=5, form="code", metric="euclidean", scale="rms", labels=False):
    """I of mixtures, Gao et al. 2017. With labels=True the target is labels: distance 0 within a class, infinity between.

    All counts here have the row itself in them, as in the paper and in its authors' code.
    """
    x = Space(source, metric, scale)
    if labels:
        y = Labels(target)
        if classes(target)[1].min() <= k:
            raise ValueError(f"a class has no {k} other rows: the k-th joint distance is infinite")
    else:
        y = Space(target, metric, scale)
    n = len(x)
    terms = np.empty(n)
    for rows, own in blocks(n):
        dx, dy = x.rows(rows[0], rows[-1] + 1), y.rows(rows[0], rows[-1] + 1)
        joint = np.maximum(dx, dy)
        rho = np.take_along_axis(joint, nearest(joint, own, k)[:, -1:], axis=1)
        zero = rho[:, 0] == 0
        kt = np.where(zero, (joint == 0).sum(axis=1), k)
        if form == "code":
            nx = np.where(zero, (dx == 0).sum(axis=1), (dx < rho).sum(axis=1))
            ny = np.where(zero, (dy == 0).sum(axis=1), (dy < rho).sum(axis=1))
            terms[rows] = digamma(kt) - digamma(nx) - digamma(ny)
        elif form == "paper":
            nx, ny = (dx <= rho).sum(axis=1), (dy <= rho).sum(axis=1)
            terms[rows] = digamma(kt) - np.log(nx) - np.log(ny)
        else:
            raise ValueError(f"no form {form}")
    return math.log(n) + mean(terms)


# ---- one layer ----

def log_ball(d, metric):
    """ln of the volume of the metric's unit ball in d dimensions."""
    if metric == "euclidean":
        return d / 2 * math.log(math.pi) - gammaln(1 + d / 2)
    return d * math.log(2) - (gammaln(1 + d) if metric == "manhattan" else 0)


def entropy_kl(values, k=3, metric="euclidean", scale="none"):
    """Differential entropy, Kozachenko and Leonenko; -inf if some row has k duplicates."""
    if metric == "cosine":
        raise ValueError("directions have no volume")
    space = Space(values, metric, scale)
    n, d = space.x.shape
    distance = neighbours(space, k)[1][:, -1]
    with np.errstate(divide="ignore"):
        log_eps = np.log(distance) / (2 if metric == "euclidean" else 1)
    return digamma(n) - digamma(k) + log_ball(d, metric) + d * mean(log_eps)


def gride_slope(d, log_mu, n1):
    """Derivative by d of the log-likelihood of ln(r_2n1 / r_n1)."""
    n2 = 2 * n1
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(log_mu > 0, log_mu / -np.expm1(-d * log_mu), 1 / d)  # its limit at mu = 1
    return (len(log_mu) - 1) / d - math.fsum((1 + n1 - n2) * share + (n2 - 1) * log_mu)


def gride(log_mu, n1):
    low, high = 1e-3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if gride_slope(middle, log_mu, n1) > 0 else (low, middle)
    return (low + high) / 2


def gride_error(d, log_mu, n1):
    """From the Fisher information; mu = 1 in its limit."""
    with np.errstate(invalid="ignore", divide="ignore"):
        term = np.where(log_mu > 0, log_mu ** 2 * np.exp(-d * log_mu) / np.expm1(-d * log_mu) ** 2, 1 / d ** 2)
    return (len(log_mu) / d ** 2 + (n1 - 1) * math.fsum(term)) ** -0.5


def dimension(values, method="twonn", n1=1, k=10, average="mackay", keep=0.9, scale="none"):
    """Intrinsic dimension from Euclidean distances between the distinct rows (scaled by all of them)."""
    x = distinct(Space(values, scale=scale).x)
    n = len(x)
    reach = {"twonn": 2, "twonn-fit": 2, "gride": 2 * n1, "mle": k}[method]
    log_r = np.log(neighbours(Space(x), reach)[1]) / 2
    if (log_r[:, -1] == log_r[:, 0]).all():
        raise ValueError(f"each row's first {reach} distances are equal")
    if method == "mle":
        m = (log_r[:, -1:] - log_r[:, :-1]).sum(axis=1) / (k - 1)
        with np.errstate(divide="ignore"):
            return 1 / mean(m) if average == "mackay" else mean(1 / m)
    if method == "gride":
        return gride(log_r[:, 2 * n1 - 1] - log_r[:, n1 - 1], n1)
    log_mu = np.sort(log_r[:, 1] - log_r[:, 0])
    if method == "twonn" or keep == 1:
        return (n - 1) / math.fsum(log_mu)
    first = log_mu[:int(keep * n)]
    if first[-1] == 0:
        raise ValueError("the ratios that are kept are all 1")
    height = -np.log(1 - np.arange(1, len(first) + 1) / n)
    return math.fsum(first * height) / math.fsum(first * first)


# ---- neighbours shared ----

def overlap(source, target, k=30, metric="euclidean", scale="none"):
    """Between layers: the mean share of the first k neighbours in one that are among the first k in the other."""
    a, b = (neighbours(Space(values, metric, scale), k)[0] for values in (source, target))
    return sum(len(np.intersect1d(one, other)) for one, other in zip(a, b)) / (len(a) * k)


def label_overlap(values, labels, k=30, class_fraction=None, metric="euclidean", scale="none"):
    """With labels: the mean share of the first k neighbours that have the row's label.

    With class_fraction f the number of neighbours follows the class: max(1, int(f n_c)).
    """
    number, size = classes(labels)
    reach = np.full(len(number), k)
    if class_fraction is not None:
        reach = np.maximum(1, (class_fraction * size).astype(int))
    near = neighbours(Space(values, metric, scale), int(reach.max()))[0]
    same = (number[near] == number[:, None]) & (np.arange(near.shape[1]) < reach[:, None])
    return mean(same.sum(axis=1) / reach)


# ---- ranks ----

def tie_order(seed, n):
    """h_j - h_i mod 2^64, N x N: what the program's `ties: random` orders equal distances by, before the index."""
    word = random_words(seed, TIES, np.arange(n))
    return word[None, :] - word[:, None]


def imbalance(source, target, k=1, metric="euclidean", scale="none", ties="random", seed=0, taken=None):
    """Information Imbalance: the mean rank in the target of the first k neighbours in the source, times 2 / N.

    Ties in the target: mid-ranks; with `ties: index` the order of the rows. taken: row i has the target's row taken[i].
    """
    x, y = Space(source, metric, scale), Space(target, metric, scale)
    n = len(x)
    taken = np.arange(n) if taken is None else taken
    word = tie_order(seed, n) if ties == "random" else np.zeros((n, n), dtype=np.uint64)
    total = 0
    for rows, own in blocks(n):
        order = np.lexsort((np.broadcast_to(np.arange(n), own.shape), word[rows], x.rows(rows[0], rows[-1] + 1), own), axis=1)
        for i, near in zip(rows, order[:, :k]):
            d = y.rows(taken[i], taken[i] + 1)[0]
            d[taken[i]] = np.inf
            for j in taken[near]:
                equal = d == d[j]
                before = np.count_nonzero(equal[:j]) if ties == "index" else (np.count_nonzero(equal) - 1) / 2
                total += 1 + np.count_nonzero(d < d[j]) + before
    return 2 * total / (n * n * k)


# ---- permuted layers ----

TIES, NULL = 0, 3  # purposes of random words


def random_words(seed, purpose, items):
    """Philox4x32-10 (Salmon et al. 2011), the first two of four words, of many items at once."""
    items = np.asarray(items, dtype=np.uint64)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    counter = [items & low, items >> half, np.full_like(items, purpose), np.zeros_like(items)]
    key = [np.uint64(seed) & low, np.uint64(seed) >> half]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [(second >> half) ^ counter[1] ^ key[0], second & low, (first >> half) ^ counter[3] ^ key[1], first & low]
        key = [(key[0] + np.uint64(0x9E3779B9)) & low, (key[1] + np.uint64(0xBB67AE85)) & low]
    return counter[1] << half | counter[0]


def permutation(n, seed, number, within=None):
    """taken[i]: the row that takes the place of row i, in permutation `number` of a seed: Fisher & Yates inside each class."""
    label = np.zeros(n, dtype=int) if within is None else np.asarray(within)
    groups = [np.flatnonzero(label == one) for one in np.unique(label)]
    word = random_words(seed, NULL, np.arange(n, dtype=np.uint64) | np.uint64(number << 32))
    taken, start = np.empty(n, dtype=int), 0
    for group in groups:
        shuffled = group.copy()
        for at in range(len(group) - 1, 0, -1):
            other = int(word[start + at]) % (at + 1)
            shuffled[[at, other]] = shuffled[[other, at]]
        taken[group] = shuffled
        start += len(group)
    return taken


def null(measure, arrays, permutations, seed=0, within=None, **params):
    """The values of a measure of two layers with the rows of the second permuted."""
    found = []
    for number in range(permutations):
        taken = permutation(len(arrays[0]), seed, number, within)
        if measure == "imbalance":
            found.append(imbalance(*arrays, seed=seed, taken=taken, **params))
        else:
            found.append(value(measure, (arrays[0], layer(arrays[1])[taken]), **params))
    return np.array(found)


def null_facts(observed, found, lower=False):
    """What the program says of such values: (mean, sd, p)."""
    extreme = np.count_nonzero(found <= observed if lower else found >= observed)
    return found.mean(), found.std(ddof=1), (1 + extreme) / (1 + len(found))


# ---- by the program's names ----

MEASURES = ("mi-ross", "mi-ksg", "mi-mixed", "entropy-kl", "dimension", "overlap")


def value(measure, arrays, labels=False, **params):
    """What the program calls `measure`, of (source,) or (source, target); labels: the target is."""
    if measure == "mi-mixed":
        return mi_mixed(*arrays, labels=labels, **params)
    if measure == "overlap":
        return (label_overlap if labels else overlap)(*arrays, **params)
    functions = {"mi-ross": mi_ross, "mi-ksg": mi_ksg, "entropy-kl": entropy_kl, "dimension": dimension, "imbalance": imbalance}
    return functions[measure](*arrays, **params)


# ---- data set F ----

class SplitMix64:
    """Bits, uniforms and normals of the fixtures; an own generator, so that C and Python draw the same."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        word = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & word
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & word
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & word
        return z ^ z >> 31

    def uniform(self):
        return (self.bits() >> 11) * 2.0 ** -53

    def normals(self, rows, columns):
        drawn = []
        while len(drawn) < rows * columns:
            first, second = self.uniform(), self.uniform()
            r = math.sqrt(-2 * math.log(1 - first))
            drawn += [r * math.cos(2 * math.pi * second), r * math.sin(2 * math.pi * second)]
        return np.array(drawn[:rows * columns]).reshape(rows, columns)


def data_set_f():
    """(A, B, y): 256 samples, 4 and 3 columns, four classes."""
    a, e = SplitMix64(12345).normals(256, 4), SplitMix64(67890).normals(256, 3)
    b = np.tanh(np.stack([a[:, 0], a[:, 0] * a[:, 1], a[:, 2] - a[:, 3]], axis=1) + 0.3 * e)
    y = (a[:, 0] > 0).astype(int) + 2 * (a[:, 1] > 0).astype(int)
    return a, b, y
