"""Masked language modelling on the encoded pool and corpus."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from riskpipe.checkpoints import Checkpoint, one_cycle
from riskpipe.model import Encoder
from riskpipe.tokens import IntArray, TokenRows, batches_by_length, pad_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PretrainConfig:
    """Length and step sizes of a run; `minutes` ends it early, with the schedule fitted to the clock."""

    minutes: float
    learning_rate: float = 1.2e-3
    token_budget: int = 4096
    masked_share: float = 0.25
    weight_decay: float = 0.01
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


def epochs_of_batches(rows: TokenRows, token_budget: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Batches of row numbers, epoch after epoch, without end."""
    ones = np.ones_like(rows.row_lengths)
    while True:
        order = rng.permutation(len(rows.row_lengths))
        yield from batches_by_length(rows.row_lengths, ones, order, token_budget, chunk=8192, seed=rng)


def pretrain(model: Encoder, rows: TokenRows, config: PretrainConfig, mask_id: int, pad_id: int, checkpoint: Path) -> float:
    """Trains in place and writes a checkpoint every two minutes; returns the last smoothed loss in nats a token."""
    rng = np.random.default_rng(config.seed)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True
    )
    started = saved = logged = time.monotonic()
    smoothed, tokens, step = 0.0, 0, 0
    model.train()
    for step, batch in enumerate(epochs_of_batches(rows, config.token_budget, rng), start=1):
        elapsed = (time.monotonic() - started) / (60 * config.minutes)
        if elapsed >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * one_cycle(elapsed)
        ids, attention = pad_rows([rows.row(int(number)) for number in batch], pad_id)
        holed, places = mask_tokens(ids, attention, config.masked_share, mask_id, model.config.vocabulary, rng)
        if len(places) == 0:
            continue
        loss = _step(model, optimiser, holed, attention, ids.reshape(-1)[places], places)
        smoothed = loss if step == 1 else 0.98 * smoothed + 0.02 * loss
        tokens += int(attention.sum())
        now = time.monotonic()
        if now - logged > 20:
            logged = now
            log.info("step %d loss %.3f, %.0f tokens/s, %.0f %%", step, smoothed, tokens / (now - started), 100 * elapsed)
        if now - saved > 120:
            saved = now
            Checkpoint.of(model, {"loss": smoothed, "tokens": tokens}).save(checkpoint)
    Checkpoint.of(model, {"loss": smoothed, "tokens": tokens}).save(checkpoint)
    return smoothed


def _step(
    model: Encoder,
    optimiser: torch.optim.Optimizer,
    holed: IntArray,
    attention: IntArray,
    wanted: IntArray,
    places: IntArray,
) -> float:
    """One update; returns the loss."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.encode(torch.from_numpy(holed), torch.from_numpy(attention))
        logits = model.predict_masked(hidden.reshape(-1, hidden.shape[-1])[torch.from_numpy(places)])
    loss = F.cross_entropy(logits.float(), torch.from_numpy(wanted))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())
