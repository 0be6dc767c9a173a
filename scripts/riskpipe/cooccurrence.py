"""Starting values for the token embeddings from counts: which tokens stand near which.

On two processor cores the language model sees each rare token only a few times; a factorised table of pointwise mutual
information over all rows takes half a minute and saves it from learning that part by gradient steps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.utils.extmath import randomized_svd

from riskpipe.tokens import TokenRows

FloatArray = npt.NDArray[np.float32]
REACH = 4


def count_pairs(rows: TokenRows, vocabulary: int, reach: int = REACH) -> csr_matrix:
    """Symmetric counts [vocabulary, vocabulary] of tokens at most `reach` apart in a row, near ones counting more."""
    ids = rows.ids.astype(np.int64)
    owners = np.repeat(np.arange(len(rows.row_lengths)), rows.row_lengths)
    total = csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    for distance in range(1, reach + 1):
        same = owners[distance:] == owners[:-distance]
        left, right = ids[:-distance][same], ids[distance:][same]
        weights = np.full(len(left), 1.0 / distance, np.float32)
        total += coo_matrix((weights, (left, right)), shape=total.shape).tocsr()
    return csr_matrix(total + total.T)


def embedding_from_counts(counts: csr_matrix, width: int, spread: float, seed: int) -> FloatArray:
    """Left factors [vocabulary, width] of the positive pointwise mutual information, scaled to deviation `spread`.

    Counts are smoothed as in skip-gram sampling (power 0.75), which keeps rare tokens from dominating.
    """
    pairs = counts.tocoo()
    total = float(counts.sum())
    single = np.asarray(counts.sum(axis=1)).ravel() + 1e-6
    smoothed = single**0.75
    smoothed *= total / smoothed.sum()
    information = np.log(pairs.data * total / (single[pairs.row] * smoothed[pairs.col]))
    positive = coo_matrix((np.maximum(information, 0).astype(np.float32), (pairs.row, pairs.col)), shape=counts.shape)
    left, strength, _ = randomized_svd(positive.tocsr(), n_components=width, n_iter=3, random_state=seed)
    factors = left * np.sqrt(strength)
    # A token that occurs nowhere has no factors; it starts at random, as in any other model.
    unseen = np.abs(factors).sum(axis=1) == 0
    scaled = factors * (spread / factors[~unseen].std())
    scaled[unseen] = np.random.default_rng(seed).normal(0, spread, (int(unseen.sum()), width))
    return np.asarray(scaled, np.float32)
