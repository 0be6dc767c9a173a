"""Finds the rows that the pair table can settle alone, so that the transformer need not run.

A row is settled where the table is so sure that nothing is wrong with it that the whole model hardly ever disagrees. Each
row is taken by itself, so no row settles another.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from riskpipe.aggregate import action_questions, row_questions
from riskpipe.calibration import fit
from riskpipe.labels import DENY, INJECTION, N_LOGITS, STOP
from riskpipe.model import ALWAYS_OPEN, EarlyExit
from riskpipe.operating import cost_of_allowing
from riskpipe.targets import Target, vectors
from riskpipe.tokens import IntArray

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

# A row is loud where the whole model finds more than this: half of what the operating points allow, the strict one by cost.
LOUD_COST, LOUD_INJECTION = 0.01, 0.4
# Most of the loud rows that may be settled. Fewer of actions: what is missed there runs, and what a text asks for is judged.
MOST_LOUD = {"actions": 0.005, "texts": 0.01}
# Tried as the share of loud rows that a single cut may pass.
SHARES = np.concatenate([[0.0], np.geomspace(1e-3, 0.3, 40)])
# Keeps the correction small where few rows speak for it.
RIDGE = 10.0


@dataclass(frozen=True)
class Rows:
    """Logits of both parts [R, 23] on held-out rows, which of them are loud to the whole model, and which are texts [R]."""

    transformer: FloatArray
    pairs: FloatArray
    loud: Mask
    texts: Mask

    @classmethod
    def of(cls, transformer: FloatArray, pairs: FloatArray, starts: IntArray, targets: Sequence[Target]) -> Rows:
        """Calibrates the whole model on the same actions and asks it."""
        logits = transformer + pairs
        wanted, weight = vectors(targets)
        questions = row_questions(torch.from_numpy(np.asarray(logits, np.float32))).numpy()
        answers = fit(action_questions(logits, starts), wanted, weight).apply(questions)
        texts = np.repeat(weight[:, STOP] == 0, np.diff(starts))
        injected = answers[:, INJECTION] > LOUD_INJECTION
        costly = cost_of_allowing(answers[:, STOP], answers[:, DENY]) > LOUD_COST
        return cls(transformer, pairs, injected | (costly & ~texts), texts)


def fit_early_exit(model: EarlyExit, rows: Rows, most_loud: Mapping[str, float] = MOST_LOUD) -> dict[str, float]:
    """Sets the cuts and the correction of `model` in place; returns the shares of rows that it settles."""
    doubts = model.doubts(torch.from_numpy(rows.pairs)).numpy()
    risky, injected = doubts[:, :-1], doubts[:, -1:]
    actions = ~rows.texts
    cuts = np.concatenate(
        [
            _cuts(risky[actions & rows.loud], most_loud["actions"]),
            # Injections stand in what tools return: actions have next to none to learn the cut from.
            _cuts(injected[rows.texts & rows.loud], most_loud["texts"]),
        ]
    )
    with torch.no_grad():
        model.cuts.copy_(torch.from_numpy(cuts))
        settled = settled_rows(model, rows.pairs, rows.texts)
        if settled.any():
            weight, bias = _correction(rows.pairs[settled], rows.transformer[settled])
            model.weight.copy_(torch.from_numpy(weight))
            model.bias.copy_(torch.from_numpy(bias))
    kinds = {"actions": actions, "texts": rows.texts}
    shares = {kind: float(settled[own].mean()) if own.any() else 0.0 for kind, own in kinds.items()}
    log.info("cuts %s settle %s of the held-out rows", np.round(cuts, 2), shares)
    return shares


def settled_rows(model: EarlyExit, pairs: FloatArray, texts: Mask) -> Mask:
    """Which rows leave early [R], by the table's logits [R, 23] and whether they are of texts [R]."""
    marked = torch.from_numpy(np.where(texts, model.text_marker, model.text_marker + 1)[:, None])
    with torch.no_grad():
        return np.asarray(~model.opened(marked, torch.from_numpy(np.asarray(pairs, np.float32))).numpy())


def _cuts(loud: FloatArray, most: float) -> FloatArray:
    """The loosest cuts [K] that settle at most the share `most` of the loud rows, whose doubts are [R, K]."""
    chosen = np.full(loud.shape[1], ALWAYS_OPEN)
    if len(loud) == 0 or most == 0:
        return chosen
    for share in SHARES:
        cuts = np.quantile(loud, share, axis=0)
        if (loud < cuts).all(axis=1).mean() > most:
            break
        chosen = cuts
    return chosen


def _correction(pairs: FloatArray, transformer: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weight [23, 23] and bias [23] of the ridge regression from the table's logits to what the transformer would add."""
    mean_pairs, mean_transformer = pairs.mean(axis=0), transformer.mean(axis=0)
    centred = pairs - mean_pairs
    weight = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(N_LOGITS), centred.T @ (transformer - mean_transformer)).T
    return weight, mean_transformer - weight @ mean_pairs
