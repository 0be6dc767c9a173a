"""Pre-training on the encoded pool and corpus: masked language modelling, and beside it what actions mean.

Where people described an action in words, the first token's state is drawn towards the embedding of that sentence and
away from those of others. Both losses share one pass, so the second costs next to nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from riskpipe.checkpoints import Checkpoint, autocast, one_cycle
from riskpipe.descriptions import Descriptions
from riskpipe.model import Encoder
from riskpipe.optimiser import Optimiser, Rates
from riskpipe.tokens import IntArray, TokenRows, batches_by_length, pad_rows

log = logging.getLogger(__name__)

MOST_DESCRIBED_ROWS = 2


RATES = Rates(matrices=5e-3, others=3e-3, weight_decay=0.01)
# For going on from a checkpoint: at full size the steps would first undo what it knows.
CONTINUING_RATES = Rates(matrices=1.5e-3, others=9e-4, weight_decay=0.01)


@dataclass(frozen=True)
class PretrainConfig:
    """Length and step sizes of a run; `tokens` are counted without padding, the hidden ones included."""

    tokens: int
    rates: Rates = RATES
    token_budget: int = 4096
    masked_share: float = 0.2
    align_weight: float = 1.0
    negatives: int = 2048
    temperature: float = 0.07
    seed: int = 0


def mask_tokens(
    ids: IntArray, attention: IntArray, share: float, mask_id: int, vocabulary: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Hides `share` of the real tokens; ids [B, T] -> (ids with holes, chosen places as flat indices [N]).

    As in BERT, a chosen place holds the mask token eight times in ten, else a random token or the right one.
    The first token of a row is never chosen: it is always the class marker.
    """
    candidates = attention.astype(bool)
    candidates[:, 0] = False
    chosen = candidates & (rng.random(ids.shape) < share)
    draw = rng.random(ids.shape)
    holed = ids.copy()
    holed[chosen & (draw < 0.8)] = mask_id
    random_places = chosen & (draw >= 0.8) & (draw < 0.9)
    holed[random_places] = rng.integers(0, vocabulary, int(random_places.sum()))
    return holed, np.flatnonzero(chosen)


@dataclass(frozen=True)
class Material:
    """Token rows, and which of them are described: row r by vectors[described[r]], or not at all where that is -1."""

    rows: TokenRows
    described: IntArray
    vectors: Tensor

    @classmethod
    def of(cls, rows: TokenRows, descriptions: Descriptions) -> Material:
        """Joins descriptions to the first rows of their actions; long actions do more than one sentence says."""
        numbers = {name: number for number, name in enumerate(descriptions.names)}
        described = np.full(len(rows.row_lengths), -1, np.int64)
        for action, name in enumerate(rows.names):
            own = rows.rows_of(action)
            if name in numbers and 0 < len(own) <= MOST_DESCRIBED_ROWS:
                described[own[0]] = numbers[name]
        return cls(rows, described, torch.from_numpy(descriptions.vectors.astype(np.float32)))


def epochs_of_batches(material: Material, token_budget: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Batches of row numbers, epoch after epoch, without end.

    An epoch holds every described row and as many tokens of others, so that long texts do not crowd out commands.
    """
    lengths = material.rows.row_lengths
    ones = np.ones_like(lengths)
    described, others = np.flatnonzero(material.described >= 0), np.flatnonzero(material.described < 0)
    wanted = int(lengths[described].sum()) or int(lengths.sum())
    while True:
        rng.shuffle(others)
        taken = others[: int(np.searchsorted(np.cumsum(lengths[others]), wanted)) + 1]
        order = rng.permutation(np.concatenate([described, taken]))
        yield from batches_by_length(lengths, ones, order, token_budget, chunk=8192, seed=rng)


def align_loss(predicted: Tensor, wanted: Tensor, bank: Tensor, config: PretrainConfig) -> Tensor:
    """Contrastive loss: each predicted vector [N, W] against its own sentence [N, W] and a sample of the bank [M, W]."""
    own = (predicted * wanted).sum(dim=-1, keepdim=True)
    sample = bank[torch.randint(len(bank), (min(config.negatives, len(bank)),))]
    scores = torch.cat([own, predicted @ sample.T], dim=1) / config.temperature
    return F.cross_entropy(scores, torch.zeros(len(predicted), dtype=torch.long))


def pretrain(
    model: Encoder, material: Material, config: PretrainConfig, mask_id: int, pad_id: int, checkpoint: Path
) -> float:
    """Trains in place and writes a checkpoint every two minutes; returns the last smoothed loss in nats."""
    rng = np.random.default_rng(config.seed)
    optimiser = Optimiser(model.named_parameters(), config.rates)
    started = saved = logged = time.monotonic()
    smoothed, tokens = 0.0, 0
    model.train()
    for step, batch in enumerate(epochs_of_batches(material, config.token_budget, rng), start=1):
        progress = tokens / config.tokens
        if progress >= 1:
            break
        ids, attention = pad_rows([material.rows.row(int(number)) for number in batch], pad_id)
        holed, places = mask_tokens(ids, attention, config.masked_share, mask_id, model.config.vocabulary, rng)
        if len(places) == 0:
            continue
        masked = Masked(batch, holed, attention, ids.reshape(-1)[places], places)
        found = _loss(model, material, config, masked)
        optimiser.step(found, one_cycle(progress))
        loss = float(found.detach())
        smoothed = loss if step == 1 else 0.98 * smoothed + 0.02 * loss
        tokens += int(attention.sum())
        now = time.monotonic()
        if now - logged > 20:
            logged = now
            log.info("step %d loss %.3f, %.0f tokens/s, %.0f %%", step, smoothed, tokens / (now - started), 100 * progress)
        if now - saved > 120:
            saved = now
            Checkpoint.of(model, {"loss": smoothed, "tokens": tokens}).save(checkpoint)
    Checkpoint.of(model, {"loss": smoothed, "tokens": tokens}).save(checkpoint)
    return smoothed


@dataclass(frozen=True)
class Masked:
    """One batch: its row numbers, ids with holes and attention [B, T], and the hidden tokens with their flat places [N]."""

    numbers: IntArray
    holed: IntArray
    attention: IntArray
    wanted: IntArray
    places: IntArray


def _loss(model: Encoder, material: Material, config: PretrainConfig, batch: Masked) -> Tensor:
    """Both losses of a batch, added."""
    described = material.described[batch.numbers]
    with autocast():
        hidden = model.encode(torch.from_numpy(batch.holed), torch.from_numpy(batch.attention))
        logits = model.predict_masked(hidden.reshape(-1, hidden.shape[-1])[torch.from_numpy(batch.places)])
    loss = F.cross_entropy(logits.float(), torch.from_numpy(batch.wanted))
    if (described >= 0).any():
        predicted = model.describe(hidden[torch.from_numpy(described >= 0), 0])
        wanted = material.vectors[torch.from_numpy(described[described >= 0])]
        loss = loss + config.align_weight * align_loss(predicted, wanted, material.vectors, config)
    return loss
