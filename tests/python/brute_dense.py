"""The dense measures by brute force: NumPy, float64, from their definitions and nothing else.

renyi, logdet, cka, supervision_complexity, unique_information, as docs/measures/ defines them. All matrices are stored whole, sums
are NumPy's, factorisations LAPACK's; the program's rows carry `reproducible=1e-10` and agree to 1e-8 or so.

A kernel of two samples is exp(-d^2 / (2 s^2)), d their Euclidean distance, or x'y; that of labels is 1 where they are equal, else 0.
"""

import math

import numpy as np

import brute

GRID = np.linspace(0.3, 10, 100)  # widths that `alignment` tries, in mean distances


# ---- kernels ----

def squares(x, y=None):
    """Squared distances, the sum of (a - b)^2 over the features in their order."""
    x = brute.layer(x)
    y = x if y is None else brute.layer(y)
    total = np.zeros((len(x), len(y)))
    for a, b in zip(x.T, y.T):
        total += (a[:, None] - b[None, :]) ** 2
    return total


def gaussian(x, width, y=None):
    return np.exp(-squares(x, y) / (2 * width * width))


def linear(x, y=None):
    x = brute.layer(x)
    return x @ (x if y is None else brute.layer(y)).T


def of_labels(labels):
    labels = np.asarray(labels)
    return (labels[:, None] == labels[None, :]).astype(np.float64)


def one_hot(labels):
    number = np.unique(np.asarray(labels), return_inverse=True)[1]
    return np.eye(number.max() + 1)[number]


def alignment(k, other):
    """<K, L> / (|K| |L|), as matrices; not centred."""
    return (k * other).sum() / np.linalg.norm(k) / np.linalg.norm(other)


def width(x, rule="median", labels=None):
    """The width of a layer's Gaussian kernel by a rule; a number is itself."""
    if not isinstance(rule, str):
        return float(rule)
    x = brute.layer(x)
    n, square = len(x), squares(x)
    pairs = square[np.triu_indices(n, 1)]
    if rule == "median":
        found = np.quantile(np.sqrt(pairs), 0.5)
        return found if found > 0 else np.quantile(np.sqrt(pairs[pairs > 0]), 0.5)
    if rule == "silverman":
        return math.sqrt(x.var(axis=0, ddof=1).sum()) * (4 / (3 * n)) ** 0.2
    if rule == "knn":
        np.fill_diagonal(square, np.inf)
        return math.sqrt(np.sort(square, axis=1)[:, :5].mean())
    if rule == "alignment":
        mean, target = np.sqrt(pairs).mean(), of_labels(labels)
        tried = [alignment(np.exp(-square / (2 * (f * mean) ** 2)), target) for f in GRID]
        return GRID[int(np.argmax(tried))] * mean
    raise ValueError(f"no rule {rule}")


# ---- matrix-based entropies ----

def entropy(k, alpha):
    """S_alpha of K / tr K; alpha = 1 is its limit, von Neumann's."""
    values = np.linalg.eigvalsh(k / np.trace(k))
    values = values[values > 0]
    if alpha == 1:
        return -(values * np.log(values)).sum()
    return np.log((values ** alpha).sum()) / (1 - alpha)


def renyi(source, target=None, alpha=1.01, bandwidth="median", labels=False):
    """S of the source; with a target {entropy_source, entropy_target, entropy_joint, mi, nmi}."""
    rule = bandwidth
    k = gaussian(source, width(source, rule, target if labels else None))
    if target is None:
        return entropy(k, alpha)
    other = of_labels(target) if labels else gaussian(target, width(target, rule))
    a, b, both = entropy(k, alpha), entropy(other, alpha), entropy(k * other, alpha)
    least = min(a, b)
    return {"entropy_source": a, "entropy_target": b, "entropy_joint": both, "mi": a + b - both,
            "nmi": (a + b - both) / least if least > 0 else math.nan}


# ---- log-determinants ----

def half_logdet(x, beta, mode):
    """(1/2) ln det(I + beta M), M the covariance (1/N) or the correlation matrix; a constant column counts for nothing."""
    z = x - x.mean(axis=0)
    if mode == "covariance":
        z = z / math.sqrt(len(z))
    else:
        norm = np.linalg.norm(z, axis=0)
        z = z / np.where((x == x[0]).all(axis=0), 1, norm) * ~(x == x[0]).all(axis=0)
    return np.linalg.slogdet(np.eye(x.shape[1]) + beta * z.T @ z)[1] / 2


def logdet(source, target=None, beta="auto", mode="correlation", classes="one-hot", labels=False):
    """H of the source; with a target I, of labels by one-hot columns or within classes."""
    x = brute.layer(source)
    if target is None:
        return half_logdet(x, 100 * x.shape[1] if beta == "auto" else beta, mode)
    y = one_hot(target) if labels else brute.layer(target)
    beta = 100 * (x.shape[1] + y.shape[1]) if beta == "auto" else beta
    if labels and classes == "conditional":
        target = np.asarray(target)
        within = sum((target == c).mean() * half_logdet(x[target == c], beta, mode) for c in np.unique(target))
        return half_logdet(x, beta, mode) - within
    return half_logdet(x, beta, mode) + half_logdet(y, beta, mode) - half_logdet(np.hstack([x, y]), beta, mode)


# ---- centred kernel alignment ----

def hsic(k, other):
    """tr(K H L H), H the centring matrix."""
    n = len(k)
    centring = np.eye(n) - 1 / n
    return (centring @ k @ centring * other).sum()


def hsic_debiased(k, other):
    """Song et al. (2012): diagonals 0."""
    n = len(k)
    k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
    return ((k * other).sum() + k.sum() * other.sum() / ((n - 1) * (n - 2)) - 2 * (k.sum(0) * other.sum(0)).sum() / (n - 2)) / (n * (n - 3))


def cka(source, target, debiased=False, kernel="linear", bandwidth="median", labels=False):
    form = hsic_debiased if debiased else hsic
    make = linear if kernel == "linear" else (lambda x: gaussian(x, width(x, bandwidth)))
    k, other = make(source), of_labels(target) if labels else make(target)
    return form(k, other) / math.sqrt(form(k, k) * form(other, other))


# ---- kernels of training ----

def kernel_of(source, kernel, bandwidth, ridge, y=None):
    if kernel == "dumped":
        k = brute.layer(source if y is None else y)
        return (k + k.T) / 2 + ridge * np.eye(len(k)) if y is None else k
    if kernel == "linear":
        return linear(source) + ridge * np.eye(len(source)) if y is None else linear(y, source)
    s = width(source, bandwidth)
    return gaussian(source, s) + ridge * np.eye(len(source)) if y is None else gaussian(y, s, source)


def coded(target, coding="one-hot", centred=False, labels=True):
    if not labels:
        y = brute.layer(target)
    elif coding == "signs":
        first, second = np.unique(target)
        y = np.where(np.asarray(target) == second, 1.0, -1.0)[:, None]
    else:
        y = one_hot(target)
    return y - y.mean(axis=0) if centred else y


def supervision_complexity(source, target, kernel="dumped", bandwidth="median", ridge=0.0, coding="one-hot", centred=False,
                           labels=True):
    """(sum over outputs of y' K^-1 y, its form that knows no scale: sqrt(that tr K) / N)."""
    k, y = kernel_of(source, kernel, bandwidth, ridge), coded(target, coding, centred, labels)
    omega = (y * np.linalg.solve(k, y)).sum()
    return omega, math.sqrt(omega * np.trace(k)) / len(k)


def unique_information(source, target, kernel="dumped", bandwidth="median", ridge=0.0, sigma=1.0, coding="one-hot", centred=False,
                       test=None, initial=None, labels=True):
    """By sample: squared norms of the change of the weights, of the leave-one-out residual, mean squared change of the tests."""
    k, y = kernel_of(source, kernel, bandwidth, ridge), coded(target, coding, centred, labels)
    error = y if initial is None else y - brute.layer(initial)
    inverse = np.linalg.inv(k)
    alpha, m = inverse @ error, np.diag(inverse)
    residual = alpha / m[:, None]
    weights = (residual ** 2).sum(axis=1) * (m - ridge * np.diag(inverse @ inverse))
    found = {"information": weights / (2 * sigma ** 2), "loo": (residual ** 2).sum(axis=1), "residual": residual}
    if test is not None:
        change = kernel_of(source, kernel, bandwidth, ridge, test) @ inverse
        found["functional"] = (change ** 2).mean(axis=0) * found["loo"] / (2 * sigma ** 2)
    return found


def retrained(source, target, without, kernel="dumped", bandwidth="median", ridge=0.0, sigma=1.0, test=None, **coding):
    """The same of one sample by training again without it: (information, squared residual, functional)."""
    k, y = kernel_of(source, kernel, bandwidth, ridge), coded(target, **coding)
    rest = np.delete(np.arange(len(k)), without)
    alpha = np.linalg.solve(k, y)
    left = np.zeros_like(alpha)
    left[rest] = np.linalg.solve(k[np.ix_(rest, rest)], y[rest])
    change = alpha - left
    weights = (change * ((k - ridge * np.eye(len(k))) @ change)).sum()
    residual = ((y - (k - ridge * np.eye(len(k))) @ left)[without] ** 2).sum()
    functional = ((kernel_of(source, kernel, bandwidth, ridge, test) @ change) ** 2).sum(axis=1).mean() if test is not None else None
    scale = 2 * sigma ** 2
    return weights / scale, residual, functional / scale if functional is not None else None
