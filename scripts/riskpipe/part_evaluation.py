"""Figures of the model's two parts, alone and together, and of what each choice of early exit would cost and save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from riskpipe.aggregate import action_questions
from riskpipe.calibration import fit
from riskpipe.dataset import Example
from riskpipe.early_exit import MOST_LOUD, Rows, fit_early_exit, settled_rows
from riskpipe.evaluation import choose_points, evaluate
from riskpipe.finetuning import Material
from riskpipe.labels import STOP
from riskpipe.mixing import part_logits
from riskpipe.model import EarlyExit, Encoder
from riskpipe.scoring import Scores
from riskpipe.targets import Target, vectors
from riskpipe.tokens import IntArray, TokenRows

FloatArray = npt.NDArray[np.floating]

# Tried in place of the share of loud rows of actions that may be settled.
CANDIDATES = (0.0, 0.001, MOST_LOUD["actions"], 0.02, 0.08)


@dataclass(frozen=True)
class PartLogits:
    """Logits of both parts [R, 23] on the rows of a split, where its actions start, and their targets."""

    transformer: FloatArray
    pairs: FloatArray
    starts: IntArray
    targets: list[Target]

    @classmethod
    def of(cls, model: Encoder, examples: Sequence[Example], rows: TokenRows, pad_id: int) -> PartLogits:
        """Runs both parts over every row."""
        transformer, pairs = part_logits(model, Material.of([], rows, pad_id))
        return cls(transformer, pairs, rows.action_starts, [example.target for example in examples])

    @property
    def texts(self) -> npt.NDArray[np.bool_]:
        """Which rows are of texts [R]."""
        return self.by_row(np.array([not target.weight[STOP] for target in self.targets]))

    def by_row(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A value of every action [A] -> of every row [R]."""
        return np.asarray(np.repeat(values, np.diff(self.starts)))


def figures(held_out: PartLogits, test: PartLogits, logits: tuple[FloatArray, FloatArray]) -> dict[str, Any]:
    """Figures of a scorer with these row logits on both splits, calibrated and set like the whole model."""
    answers = [action_questions(found, split.starts) for found, split in zip(logits, (held_out, test), strict=True)]
    calibration = fit(answers[0], *vectors(held_out.targets))
    point = choose_points(Scores.of(calibration.apply(answers[0])), held_out.targets)["default"]
    return evaluate(Scores.of(calibration.apply(answers[1])), test.targets, point)


def part_figures(held_out: PartLogits, test: PartLogits) -> dict[str, Any]:
    """Both parts for every row, and each by itself, in float32."""
    return {
        "without early exit": figures(
            held_out, test, (held_out.transformer + held_out.pairs, test.transformer + test.pairs)
        ),
        "its transformer alone": figures(held_out, test, (held_out.transformer, test.transformer)),
        "its pair table alone": figures(held_out, test, (held_out.pairs, test.pairs)),
    }


def settled_shares(model: EarlyExit, split: PartLogits) -> dict[str, Any]:
    """Of the rows of every source, and of all: how many there are, and which share of them leaves early."""
    settled = settled_rows(model, split.pairs, split.texts)
    sources = split.by_row(np.array([target.source for target in split.targets]))
    chosen = {"all": np.ones(len(sources), bool), **{name: sources == name for name in sorted(set(sources.tolist()))}}
    return {name: {"rows": int(own.sum()), "settled": float(settled[own].mean())} for name, own in chosen.items()}


def early_exit_candidates(text_marker: int, held_out: PartLogits, test: PartLogits) -> list[dict[str, Any]]:
    """What other cuts would do: rows of actions that leave, and the figures of all actions."""
    rows = Rows.of(held_out.transformer, held_out.pairs, held_out.starts, held_out.targets)
    found = []
    for most in CANDIDATES:
        model = EarlyExit(text_marker)
        fit_early_exit(model, rows, {**MOST_LOUD, "actions": most})
        risk = figures(held_out, test, (_left_early(model, held_out), _left_early(model, test)))["risk"]["all"]
        settled = settled_rows(model, test.pairs, test.texts)[~test.texts]
        found.append({"most_loud": most, "settled": float(settled.mean()), "risk": risk})
    return found


def _left_early(model: EarlyExit, split: PartLogits) -> FloatArray:
    """Row logits [R, 23] where the rows that leave have the answer of the table alone."""
    settled = settled_rows(model, split.pairs, split.texts)
    alone = model.settled(torch.from_numpy(split.pairs)).numpy()
    return np.where(settled[:, None], alone, split.transformer + split.pairs)
