"""How unlike the training rows a row is: the mean surprise of a token after its predecessor, in nats.

A model is least to be trusted where it has seen least: other languages, gibberish, tools and programs of a kind of its own.
The counts of hashed neighbours are those of the pair table, so the graph answers this beside it at no cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskpipe.model import PAIR_FACTORS, ModelConfig
from riskpipe.tokens import IntArray, TokenRows

FloatArray = npt.NDArray[np.floating]
# Added to the counts of tokens and of pairs: what never came is rare, not impossible.
TOKEN_PRIOR = 10.0
PAIR_PRIOR = 0.1


@dataclass(frozen=True)
class NoveltyTable:
    """Entries of tokens, of hashed pairs and of "no pair" [vocabulary + buckets + 1], laid out as in the pair table.

    The novelty of a row is the sum over its tokens of the token's entry and its pair's entry, divided by their number.
    """

    entries: FloatArray

    @classmethod
    def count(cls, sets: Iterable[TokenRows], config: ModelConfig) -> NoveltyTable:
        """Counts neighbours in all rows of the sets."""
        tokens, pairs = np.zeros(config.vocabulary), np.zeros(config.pair_buckets)
        for rows in sets:
            firsts, hashed = _neighbours(rows, config)
            tokens += np.bincount(firsts, minlength=config.vocabulary)
            pairs += np.bincount(hashed, minlength=config.pair_buckets)
        token_entries = np.log(tokens + TOKEN_PRIOR)
        # The last token of a row has no successor to be surprised by: its two entries cancel on average.
        unpaired = -float((token_entries * tokens).sum() / max(tokens.sum(), 1))
        return cls(np.concatenate([token_entries, -np.log(pairs + PAIR_PRIOR), [unpaired]]).astype(np.float32))


def _neighbours(rows: TokenRows, config: ModelConfig) -> tuple[IntArray, IntArray]:
    """First tokens and hashes of all neighbours within rows."""
    ids = rows.ids.astype(np.int64)
    inside = np.ones(len(ids), bool)
    inside[rows.row_starts[1:] - 1] = False
    firsts, following = ids[inside], np.roll(ids, -1)[inside]
    return firsts, (firsts * PAIR_FACTORS[0] + following * PAIR_FACTORS[1]) % config.pair_buckets
