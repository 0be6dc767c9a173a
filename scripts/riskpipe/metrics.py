"""Figures about answers: ranking quality, rates with intervals, F1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, roc_auc_score

from riskpipe.labels import EFFECTS, EFFECTS_SLICE, PERMISSION, PERMISSION_SLICE
from riskpipe.operating import interval

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]


def auc(scores: FloatArray, positive: BoolArray) -> float | None:
    """Area under the ROC curve, or None when one of the classes is missing."""
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, scores))


def rate(hits: BoolArray) -> dict[str, Any]:
    """A share with its 95 % Clopper-Pearson interval."""
    count, trials = int(hits.sum()), len(hits)
    low, high = interval(count, trials)
    return {"hits": count, "of": trials, "rate": count / trials if trials else None, "low": low, "high": high}


def recall_at_false_positive_rate(scores: FloatArray, positive: BoolArray, limit: float) -> float | None:
    """Share of the positives above the threshold that `limit` of the negatives pass."""
    negatives = np.sort(scores[~positive])[::-1]
    if len(negatives) == 0 or not positive.any():
        return None
    threshold = negatives[min(int(limit * len(negatives)), len(negatives) - 1)]
    return float((scores[positive] > threshold).mean())


def expected_calibration_error(answers: FloatArray, happened: FloatArray | BoolArray, bins: int = 15) -> float:
    """Mean distance of predictions from what happened, in bins of equal mass.

    As in the engine's report, but that equal answers may part.
    """
    order = np.argsort(answers, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(float(answers[part].mean() - happened[part].mean())) * len(part) for part in parts) / len(order))


def macro_f1(predicted: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur in `wanted`."""
    return float(f1_score(wanted, predicted, average="macro", labels=np.unique(wanted), zero_division=0))


def effects_macro_f1(predicted: BoolArray, wanted: BoolArray, fewest: int = 5) -> float | None:
    """Mean F1 over the effects with at least `fewest` positives; both [A, 14]."""
    known = wanted.sum(axis=0) >= fewest
    if not known.any():
        return None
    return float(f1_score(wanted[:, known], predicted[:, known], average="macro", zero_division=0))


def effects_macro_auc(scores: FloatArray, wanted: BoolArray, fewest: int = 5) -> float | None:
    """Mean area under the ROC curve over the effects with at least `fewest` positives; both [A, 14]."""
    areas = [auc(scores[:, number], wanted[:, number]) for number in np.flatnonzero(wanted.sum(axis=0) >= fewest)]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def permission_of(answers: FloatArray) -> npt.NDArray[np.int64]:
    """Most probable permission of calibrated cumulative answers [A, 21] -> [A]."""
    at_least = np.minimum.accumulate(answers[:, PERMISSION_SLICE], axis=1)
    padded = np.concatenate([np.ones((len(answers), 1)), at_least, np.zeros((len(answers), 1))], axis=1)
    shares = padded[:, : len(PERMISSION)] - padded[:, 1:]
    return np.asarray(shares.argmax(axis=1), np.int64)


def effects_of(answers: FloatArray) -> npt.NDArray[np.bool_]:
    """Effects at one half or more [A, 14]."""
    found: npt.NDArray[np.bool_] = answers[:, EFFECTS_SLICE] >= 0.5
    assert found.shape[1] == len(EFFECTS)
    return found
