"""How alike different networks are: a shared response model, and inter-subject correlation (ISC).

Networks have their own units, so a shared space is found first (Chen et al. 2015, deterministic form):
``X_i ~ S W_i'`` with orthonormal ``W_i`` (unit, feature) and the same S (sample, feature) for all.
In that space network i is correlated with every network j > i (Lu et al. 2022, Methods).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mempaper.lu2022.analysis import Array

N_FEATURES, N_ITERATIONS = 16, 10
WINDOW = 5  # steps of a sliding window
N_SKIPPED = 2  # trials from the start on, with which the memory fills


class SharedResponse:
    """A shared response model.

    Parameters
    ----------
    n_features : int
        Dimensions of the shared space; no more than any network has units.
    n_iterations : int
    rng : numpy.random.Generator, optional
        Draws the orthonormal bases to start from; seed 0 by default.

    Attributes
    ----------
    bases : list of ndarray, each (unit, feature)
        W, orthonormal, one per network. Empty before :meth:`fit`.
    errors : list of float
        Mean squared error ``||X_i - S W_i'||^2`` per number before each iteration and at the end.
    """

    def __init__(
        self,
        n_features: int = N_FEATURES,
        n_iterations: int = N_ITERATIONS,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.n_features = n_features
        self.n_iterations = n_iterations
        self.rng = rng or np.random.default_rng(0)
        self.bases: list[np.ndarray] = []
        self.errors: list[float] = []

    def fit(self, samples: Sequence[Array]) -> SharedResponse:
        """Find the bases.

        Parameters
        ----------
        samples : sequence of array, each (..., unit)
            One per network; networks may differ in their number of units, but sample k is the same
            moment for all. Centre them before.

        Returns
        -------
        SharedResponse
            Itself.
        """
        data = [np.asarray(x, float).reshape(-1, np.shape(x)[-1]) for x in samples]
        if len({len(x) for x in data}) != 1:
            raise ValueError(f"networks have {[len(x) for x in data]} samples; expected as many of each")
        fewest = min(x.shape[1] for x in data)
        if not 1 <= self.n_features <= fewest:
            raise ValueError(
                f"n_features is {self.n_features}; the smallest network has {fewest} units, so 1 to "
                f"{fewest} features can be shared"
            )
        starts = [self.rng.standard_normal((x.shape[1], self.n_features)) for x in data]
        self.bases = [np.linalg.qr(start)[0] for start in starts]
        power = sum(float((x**2).sum()) for x in data)
        n_numbers = sum(x.size for x in data)
        self.errors = []
        for iteration in range(self.n_iterations + 1):
            projected = [x @ w for x, w in zip(data, self.bases, strict=True)]
            shared = sum(projected[1:], projected[0]) / len(data)  # S
            # ||X - S W'||^2 = ||X||^2 + ||S||^2 - 2 S.(X W), and the mean of the X W is S
            self.errors.append((power - len(data) * float((shared**2).sum())) / n_numbers)
            if iteration < self.n_iterations:
                self.bases = [_nearest_orthonormal(x.T @ shared) for x in data]
        return self

    def transform(self, samples: Sequence[Array]) -> list[np.ndarray]:
        """Each network's samples (..., unit) in the shared space, (..., feature)."""
        if not self.bases:
            raise ValueError("there is no shared space yet: call fit first")
        return [np.asarray(x, float) @ w for x, w in zip(samples, self.bases, strict=True)]


def _nearest_orthonormal(matrix: np.ndarray) -> np.ndarray:
    """``U V'`` of the singular value decomposition ``U diag(s) V'``."""
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    return u @ vt


def shared_activity(
    activity: Array,
    n_features: int = N_FEATURES,
    *,
    n_skipped: int = N_SKIPPED,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Activity of held-out trials in a space that all networks and conditions share.

    The first trials are dropped. The first half of the others fits the space: units are centred by
    their mean there, for each network and condition, and all conditions fit together. The second half
    is centred with the same means and projected.

    Parameters
    ----------
    activity : array, shape (condition, member, trial, time, unit)
        Trial i is the same event in all conditions and networks.
    n_features, n_skipped : int
    rng : numpy.random.Generator, optional

    Returns
    -------
    ndarray, shape (condition, member, held-out trial, time, feature)
    """
    activity = np.asarray(activity)[:, :, n_skipped:]
    n_train = activity.shape[2] // 2
    if n_train < 1:
        raise ValueError(f"{activity.shape[2] + n_skipped} trials are too few; take {n_skipped + 2}")
    mean = activity[:, :, :n_train].mean((2, 3), keepdims=True, dtype=float)
    centred = (activity - mean).swapaxes(0, 1)  # (member, condition, trial, time, unit)
    model = SharedResponse(n_features, rng=rng).fit(list(centred[:, :, :n_train]))
    return np.stack(model.transform(list(centred[:, :, n_train:])), 1)


def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """All i < j below n, in the order (0, 1), (0, 2), ..., (1, 2), ..."""
    first, second = np.triu_indices(n, 1)
    return first, second


def _standard(x: np.ndarray, axis: int) -> np.ndarray:
    """Centred and of length one along ``axis``; not a number where nothing varies."""
    centred = x - x.mean(axis, keepdims=True)
    length = np.linalg.norm(centred, axis=axis, keepdims=True)
    return np.divide(centred, length, out=np.full(centred.shape, np.nan), where=length > 0)


def correlation(a: Array, b: Array, axis: int = -1) -> np.ndarray:
    """Pearson correlation along ``axis``; not a number where one of both does not vary."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return (_standard(a, axis) * _standard(b, axis)).sum(axis)


def spatial_isc(one: Array, other: Array) -> np.ndarray:
    """Correlation of patterns over features, at each time, of network i with network j > i.

    Parameters
    ----------
    one, other : array, shape (member, ..., time, feature)
        Two conditions, or twice the same. Network i's ``one`` goes with network j's ``other``.

    Returns
    -------
    ndarray, shape (pair, ..., time)
    """
    a, b = (_standard(np.asarray(x, float), -1) for x in (one, other))
    return np.stack([(a[i] * b[j]).sum(-1) for i, j in zip(*pairs(len(a)), strict=True)])


def spatial_isc_matrix(one: Array, other: Array) -> np.ndarray:
    """As :func:`spatial_isc`, between any time of i and any time of j; (pair, ..., time, time)."""
    a, b = (_standard(np.asarray(x, float), -1) for x in (one, other))
    return np.stack([a[i] @ b[j].swapaxes(-1, -2) for i, j in zip(*pairs(len(a)), strict=True)])


def temporal_isc(one: Array, other: Array) -> np.ndarray:
    """Correlation of each feature's time course, of network i with network j > i.

    Parameters
    ----------
    one, other : array, shape (member, ..., time, feature)

    Returns
    -------
    ndarray, shape (pair, ..., feature)
    """
    a, b = (_standard(np.asarray(x, float), -2) for x in (one, other))
    return np.stack([(a[i] * b[j]).sum(-2) for i, j in zip(*pairs(len(a)), strict=True)])


def sliding_isc(one: Array, other: Array, width: int = WINDOW) -> np.ndarray:
    """Temporal ISC within windows that start at every step, mean over features.

    Parameters
    ----------
    one, other : array, shape (member, ..., time, feature)
        The second part, say.
    width : int
        Steps of a window.

    Returns
    -------
    ndarray, shape (pair, ..., window)
        With ``time - width + 1`` windows.
    """
    n_windows = np.shape(one)[-2] - width + 1
    if n_windows < 1:
        raise ValueError(f"a window of {width} steps does not fit in {np.shape(one)[-2]}")
    one, other = np.asarray(one), np.asarray(other)
    windows = [slice(start, start + width) for start in range(n_windows)]
    return np.stack([temporal_isc(one[..., w, :], other[..., w, :]).mean(-1) for w in windows], -1)


def recall_isc_link(
    activation: Array, sliding: Array, width: int = WINDOW, n_windows: int = 4
) -> np.ndarray:
    """Correlation, over trials, of recall in a window with the change of ISC to the next window.

    Parameters
    ----------
    activation : array, shape (member, trial, time)
        Of the target, in the run of the second condition; a pair has the mean of its two networks.
    sliding : array, shape (pair, trial, window)
        From :func:`sliding_isc`.
    width : int
        Of the windows.
    n_windows : int
        How many windows are asked, from the first on.

    Returns
    -------
    ndarray, shape (pair, window)
    """
    activation, sliding = np.asarray(activation, float), np.asarray(sliding, float)
    if sliding.shape[-1] <= n_windows:
        raise ValueError(f"{n_windows} windows and one more are needed; got {sliding.shape[-1]}")
    means = [activation[..., w : w + width].mean(-1) for w in range(n_windows)]
    recall = np.stack(means, -1)  # (member, trial, window)
    first, second = pairs(len(recall))
    change = np.diff(sliding, axis=-1)[..., :n_windows]
    return correlation((recall[first] + recall[second]) / 2, change, axis=1)
