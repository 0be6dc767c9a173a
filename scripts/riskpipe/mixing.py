"""Chooses, head by head, how much the pair table counts beside the transformer, and folds that into its weights."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import torch

from riskpipe.aggregate import action_questions
from riskpipe.calibration import fit
from riskpipe.checkpoints import autocast
from riskpipe.dataset import Example
from riskpipe.finetuning import Material
from riskpipe.labels import DENY, EFFECTS_SLICE, HEADS, INJECTION, PERMISSION_SLICE, STOP
from riskpipe.model import Encoder
from riskpipe.targets import Target, vectors
from riskpipe.tokens import TokenRows, pad_rows

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.floating]
SHARES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0)
MOST_ROWS = 16
ROWS_AT_ONCE = 48
QUESTIONS_OF = {
    "risk": [STOP, DENY],
    "permission": list(range(PERMISSION_SLICE.start, PERMISSION_SLICE.stop)),
    "effects": list(range(EFFECTS_SLICE.start, EFFECTS_SLICE.stop)),
    "injection": [INJECTION],
}


def part_logits(model: Encoder, material: Material) -> tuple[FloatArray, FloatArray]:
    """Row logits [R, 23] of the transformer and of the pair table."""
    order = np.argsort(material.rows.row_lengths)
    widths = sum(width for _, width in HEADS)
    parts = np.zeros((2, len(order), widths), np.float32)
    model.eval()
    with torch.no_grad(), autocast():
        for start in range(0, len(order), ROWS_AT_ONCE):
            batch = order[start : start + ROWS_AT_ONCE]
            rows = [material.rows.row(int(number)) for number in batch]
            ids, mask = (torch.from_numpy(array) for array in pad_rows(rows, material.pad_id))
            parts[0, batch] = model.transformer_logits(ids, mask).float().numpy()
            parts[1, batch] = model.pairs(ids, mask).float().numpy()
    return parts[0], parts[1]


def calibrated_losses(logits: FloatArray, starts: npt.NDArray[np.int64], targets: list[Target]) -> FloatArray:
    """Mean log loss of every question [21] after calibration on the same actions."""
    questions = action_questions(logits, starts)
    wanted, weight = vectors(targets)
    answers = np.clip(fit(questions, wanted, weight).apply(questions), 1e-6, 1 - 1e-6)
    losses = -(wanted * np.log(answers) + (1 - wanted) * np.log(1 - answers)) * weight
    return np.asarray(losses.sum(axis=0) / np.maximum(weight.sum(axis=0), 1))


def short_actions(examples: list[Example], rows: TokenRows, pad_id: int) -> Material:
    """The actions of few rows: long texts would take most of the time and say little more."""
    short = np.flatnonzero([len(example.rows) <= MOST_ROWS for example in examples])
    return Material.of([examples[int(number)] for number in short], rows.subset(short), pad_id)


def mix(model: Encoder, material: Material, transformer: FloatArray, pairs: FloatArray) -> dict[str, float]:
    """Scales the pair table in place by the shares that suit `material` (calibration actions) best; returns them.

    `transformer` and `pairs` are the logits [R, 23] of both parts on its rows; the latter are scaled as well.
    """
    targets = [example.target for example in material.examples]
    starts = material.rows.action_starts
    losses = np.stack([calibrated_losses(transformer + share * pairs, starts, targets) for share in SHARES])
    shares = {name: SHARES[int(losses[:, QUESTIONS_OF[name]].sum(axis=1).argmin())] for name, _ in HEADS}
    log.info("shares of the pair table: %s", shares)
    columns = torch.tensor([shares[name] for name, width in HEADS for _ in range(width)])
    with torch.no_grad():
        model.pairs.table.weight.mul_(columns)
        model.pairs.bias.mul_(columns)
    pairs *= columns.numpy()
    return shares
