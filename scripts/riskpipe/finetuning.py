"""Multi-task training on actions: all questions at once, with the loss on the maximum over an action's rows.

The pair table and the transformer are trained one after the other, each as if it were the whole model: fitted to what
the other leaves over, the second would learn the noise of the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from riskpipe.aggregate import pool_actions, row_questions
from riskpipe.checkpoints import Checkpoint, autocast, one_cycle
from riskpipe.dataset import Example
from riskpipe.labels import DENY, EFFECTS_SLICE, INJECTION, N_LOGITS, N_QUESTIONS, PERMISSION_SLICE, STOP
from riskpipe.model import PRETRAINING_ONLY, Encoder
from riskpipe.optimiser import Optimiser, Rates
from riskpipe.targets import Target, vectors
from riskpipe.tokens import IntArray, TokenRows, batches_by_length, pad_rows

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.float32]

# Rows of one batch run in this many groups of like length: an action's rows differ much, and padding costs as much as text.
LENGTH_GROUPS = 4
LISTENED_AT_ONCE = 512
# Topics of near twins in which no single word tells: a sum over words learns noise from them.
NOT_FOR_THE_TABLE = frozenset({"authored-projects", "authored-borders-deny", "authored-returned-coding"})


# Adam alone: orthogonalising costs a third of the time here, which more passes over the labels use better.
RATES = Rates(matrices=0.0, others=1e-3, weight_decay=0.02)


@dataclass(frozen=True)
class FinetuneConfig:
    """Length and step sizes of a run; an epoch holds every action with the chance of its `share`."""

    epochs: int = 2
    rates: Rates = RATES
    token_budget: int = 6144
    rows_negative: int = 4
    rows_positive: int = 8
    seed: int = 0
    # An epoch holds this many times more of the unlabelled texts than their shares say.
    text_factor: float = 2.0
    pair_epochs: int = 9
    pair_learning_rate: float = 0.02
    pair_weight_decay: float = 0.3
    pair_token_budget: int = 65536
    # The same for the table, which is so cheap that it can read nearly all of them.
    pair_text_factor: float = 20.0


def question_weights() -> Tensor:
    """How much each question counts in the loss [21]."""
    weights = torch.zeros(N_QUESTIONS)
    weights[STOP], weights[DENY] = 1.0, 1.3
    weights[PERMISSION_SLICE] = 0.25
    weights[EFFECTS_SLICE] = 0.15
    weights[INJECTION] = 1.0
    return weights


def positive_weights() -> Tensor:
    """Extra weight of a wanted yes [21]: a dangerous action let through costs more than a question too many."""
    weights = torch.ones(N_QUESTIONS)
    weights[DENY] = 2.0
    weights[EFFECTS_SLICE] = 2.0
    return weights


def question_loss(predicted: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Weighted binary cross-entropy; all [A, 21]. Divided by the number of actions, so that rare questions stay rare."""
    losses = F.binary_cross_entropy_with_logits(predicted, wanted, pos_weight=positive_weights(), reduction="none")
    return (losses * weight * question_weights()).sum() / len(predicted)


def choose_rows(example: Example, loudness: FloatArray, config: FinetuneConfig, rng: np.random.Generator) -> IntArray:
    """Row numbers to train on: of a long action the first, the last, the loudest ones and a random part of the rest.

    The answer of an action is the maximum over its rows, so what matters is the row that carries the danger, or the one most
    easily taken for it; `loudness` [R] is a guess at both. Dangerous actions keep more: where the row that makes them so is
    left out, the label is wrong.
    """
    rows = np.array(example.rows)
    positive = example.target.wanted[[DENY, INJECTION]].max() > 0.5
    limit = config.rows_positive if positive else config.rows_negative
    if len(rows) <= limit:
        return rows
    inner = rng.permutation(rows[1:-1])
    loudest = inner[np.argsort(-loudness[inner], kind="stable")[: (limit - 2) // 2]]
    others = inner[~np.isin(inner, loudest)][: limit - 2 - len(loudest)]
    return np.sort(np.concatenate([rows[:1], loudest, others, rows[-1:]]))


def epoch_order(targets: list[Target], rng: np.random.Generator, text_factor: float = 1.0) -> IntArray:
    """Numbers of the actions of one epoch, shuffled.

    Each takes part with the chance of its `share`, times `text_factor` for what is judged for injection only.
    """
    shares = np.array([target.share * (1.0 if target.weight[STOP] else text_factor) for target in targets])
    chosen = np.flatnonzero(rng.random(len(targets)) < shares)
    rng.shuffle(chosen)
    return chosen


@dataclass(frozen=True)
class Material:
    """Examples with their token rows, the id that fills short rows, and how loud every row is (see `choose_rows`)."""

    examples: list[Example]
    rows: TokenRows
    pad_id: int
    loudness: FloatArray

    @classmethod
    def of(cls, examples: list[Example], rows: TokenRows, pad_id: int) -> Material:
        """Nothing is known of the rows: all are equally loud."""
        return cls(examples, rows, pad_id, np.zeros(len(rows.row_lengths), np.float32))

    def listened(self, model: Encoder) -> Material:
        """The same, rows as loud as the pair table finds them; it is trained in a minute and fast enough for all rows."""
        loudness = np.zeros_like(self.loudness)
        for numbers in np.array_split(np.argsort(self.rows.row_lengths), max(1, len(loudness) // LISTENED_AT_ONCE)):
            with torch.no_grad():
                questions = row_questions(_row_logits(model.pairs, self, numbers))
            loudness[numbers] = questions[:, [DENY, INJECTION]].amax(dim=1).numpy()
        return replace(self, loudness=loudness)


Batch = list[tuple[int, IntArray]]


def epoch_batches(
    material: Material, config: FinetuneConfig, rng: np.random.Generator, text_factor: float = 1.0
) -> Iterator[Batch]:
    """Batches of one epoch: pairs of an example's number and its chosen row numbers."""
    examples = material.examples
    order = epoch_order([example.target for example in examples], rng, text_factor)
    chosen = {int(number): choose_rows(examples[int(number)], material.loudness, config, rng) for number in order}
    lengths, counts = np.zeros(len(examples), np.int64), np.zeros(len(examples), np.int64)
    for number, numbers in chosen.items():
        lengths[number], counts[number] = material.rows.row_lengths[numbers].max(), len(numbers)
    for batch in batches_by_length(lengths, counts, order, config.token_budget, chunk=4096, seed=rng):
        yield [(int(number), chosen[int(number)]) for number in batch]


def finetune_pairs(model: Encoder, material: Material, config: FinetuneConfig) -> None:
    """Trains the pair table in place, for a fixed number of epochs."""
    examples = [example for example in material.examples if example.target.source not in NOT_FOR_THE_TABLE]
    material = replace(material, examples=examples)
    rng = np.random.default_rng(config.seed)
    rates = Rates(matrices=0.0, others=config.pair_learning_rate, weight_decay=config.pair_weight_decay)
    optimiser = Optimiser(model.pairs.named_parameters(), rates)
    for epoch in range(config.pair_epochs):
        sizes = replace(config, token_budget=config.pair_token_budget)
        losses = [
            _step(model.pairs, optimiser, material, batch, 1.0)
            for batch in epoch_batches(material, sizes, rng, config.pair_text_factor)
        ]
        log.info("pair table, epoch %d loss %.4f", epoch + 1, np.mean(losses))


def finetune_transformer(model: Encoder, material: Material, config: FinetuneConfig, checkpoint: Path) -> None:
    """Trains the transformer in place; writes a checkpoint after every epoch."""
    rng = np.random.default_rng(config.seed)
    unused = ("pairs.", *PRETRAINING_ONLY)
    used = [(name, value) for name, value in model.named_parameters() if not name.startswith(unused)]
    optimiser = Optimiser(used, config.rates)
    logged = time.monotonic()
    smoothed = 0.0
    model.train()
    for epoch in range(config.epochs):
        batches = list(epoch_batches(material, config, rng, config.text_factor))
        for number, batch in enumerate(batches):
            progress = (epoch + number / len(batches)) / config.epochs
            loss = _step(model.transformer_logits, optimiser, material, batch, one_cycle(progress))
            smoothed = 0.99 * smoothed + 0.01 * loss if smoothed else loss
            if time.monotonic() - logged > 20:
                logged = time.monotonic()
                log.info("epoch %d loss %.4f, %.0f %%", epoch + 1, smoothed, 100 * progress)
        Checkpoint.of(model, {"loss": smoothed, "epochs": epoch + 1}).save(checkpoint)


def _row_logits(score: Callable[[Tensor, Tensor], Tensor], material: Material, numbers: IntArray) -> Tensor:
    """Logits of rows [R, 23], float32."""
    if len(numbers) == 0:
        return torch.zeros(0, N_LOGITS)
    ids, mask = pad_rows([material.rows.row(int(number)) for number in numbers], material.pad_id)
    with autocast():
        return score(torch.from_numpy(ids), torch.from_numpy(mask)).float()


def _step(
    score: Callable[[Tensor, Tensor], Tensor], optimiser: Optimiser, material: Material, batch: Batch, factor: float
) -> float:
    """One update of whatever `score` (ids and mask [R, T] to row logits [R, 23]) depends on; returns the loss."""
    numbers = np.concatenate([chosen for _, chosen in batch])
    owners = np.repeat(np.arange(len(batch)), [len(chosen) for _, chosen in batch])
    targets = [material.examples[number].target for number, _ in batch]
    wanted, weight = (torch.from_numpy(found) for found in vectors(targets))
    order = np.argsort(material.rows.row_lengths[numbers], kind="stable")
    logits = torch.cat([_row_logits(score, material, numbers[part]) for part in np.array_split(order, LENGTH_GROUPS)])
    pooled = pool_actions(row_questions(logits), torch.from_numpy(owners[order]), len(batch))
    loss = question_loss(pooled, wanted, weight)
    optimiser.step(loss, factor)
    return float(loss.detach())
