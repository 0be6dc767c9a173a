"""Chooses the thresholds of the zones, with exact one-sided bounds on the errors they allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

FloatArray = npt.NDArray[np.floating]
CONFIDENCE = 0.95
CURVE_POINTS = 48
COST_OF_ASK = 0.1
# Share of the harmless calibration actions that may count as unlike anything seen in training, and are asked about. On the
# calibration sources a share of 0.04 cost two points of harmless actions allowed at an equal rate of misses, this one 0.3.
NOVEL_SHARE = 0.005


def upper_bound(errors: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper-Pearson upper bound of an error rate."""
    if trials == 0 or errors >= trials:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, trials - errors))


def interval(hits: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval of a rate."""
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1 - tail, hits + 1, trials - hits))
    return low, high


@dataclass(frozen=True)
class Limits:
    """What the upper bounds of an operating point's error rates may reach."""

    miss: float
    false_block: float
    false_injection: float


# The operating points of a bundle, by the upper bounds on the groups with a dangerous action that comes out `allow`, or with
# a harmless one that comes out `deny`. A group holds two harmless actions on average, so its limit is the looser one.
# `relaxed` is for users who let policy rules and reviews catch the rest. A text that is taken for an injection costs a
# warning, not a stop, so it may happen more often.
LIMITS = {
    "default": Limits(0.025, 0.02, 0.03),
    "relaxed": Limits(0.04, 0.03, 0.03),
    "strict": Limits(0.01, 0.01, 0.03),
}


def cost_of_allowing(stop: FloatArray, deny: FloatArray) -> FloatArray:
    """What allowing is expected to cost in units of one dangerous action let through, as in the engine's `assessment`."""
    return deny + COST_OF_ASK * (stop - deny)


@dataclass(frozen=True)
class Gates:
    """What keeps an action out of the allow zone whatever it costs: novelty above, or an injection from here on."""

    novel_above: float
    injection_above: float


@dataclass(frozen=True)
class Answers:
    """What zones depend on: calibrated stop, deny and injection, and novelty; all [A]."""

    stop: FloatArray
    deny: FloatArray
    injection: FloatArray
    novelty: FloatArray

    @property
    def cost(self) -> FloatArray:
        """Expected cost of allowing [A]."""
        return cost_of_allowing(self.stop, self.deny)

    def allowed(self, allow_below: float, gates: Gates) -> npt.NDArray[np.bool_]:
        """Whether each action is in the allow zone, were it not denied [A]."""
        gated = (self.novelty <= gates.novel_above) & (self.injection < gates.injection_above)
        return (self.cost <= allow_below) & gated


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds on the expected cost of allowing, on the calibrated probabilities of deny and injection, and on novelty."""

    allow_below: float
    deny_above: float
    injection_above: float
    novel_above: float

    def zones(self, answers: Answers) -> npt.NDArray[np.int64]:
        """0 allow, 1 uncertain, 2 deny for every action, as the engine's `calibrate::zone` does; deny wins over allow."""
        zones = np.where(answers.allowed(self.allow_below, Gates(self.novel_above, self.injection_above)), 0, 1)
        return np.where(answers.deny >= self.deny_above, 2, zones)


@dataclass(frozen=True)
class RiskSample:
    """Answers of judged actions with their risk labels and groups [A].

    The bounds count groups (sessions, tasks, sets of twins), not actions: those of one group resemble each other, and an
    error in one is no new evidence beside an error in its twin. A group with any error counts as an error. Where the errors
    crowd in large groups, so that their share of the actions exceeds the bound for groups, that share is the bound.
    """

    answers: Answers
    risk: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]

    def novel_above(self) -> float:
        """The novelty that `NOVEL_SHARE` of the harmless actions exceed."""
        benign = self.answers.novelty[self.risk == 0]
        return round(float(np.quantile(benign, 1 - NOVEL_SHARE)), 4) if len(benign) else 0.0

    def allow_point(self, threshold: float, gates: Gates) -> dict[str, float]:
        """What `cost <= threshold` lets through the gates."""
        dangerous, benign = self.risk == 2, self.risk == 0
        allowed = self.answers.allowed(threshold, gates)
        missed = float(allowed[dangerous].mean()) if dangerous.any() else 0.0
        return {
            "threshold": threshold,
            "miss_rate": missed,
            "miss_rate_upper": max(missed, upper_bound(*by_group(allowed[dangerous], self.group[dangerous]))),
            "allowed_benign": float(allowed[benign].mean()) if benign.any() else 0.0,
        }

    def deny_point(self, threshold: float) -> dict[str, float]:
        """What `deny >= threshold` blocks."""
        dangerous, benign = self.answers.deny[self.risk == 2], self.risk == 0
        blocked = self.answers.deny[benign] >= threshold
        share = float(blocked.mean()) if len(blocked) else 0.0
        return {
            "threshold": threshold,
            "false_block_rate": share,
            "false_block_rate_upper": max(share, upper_bound(*by_group(blocked, self.group[benign]))),
            "deny_recall": float((dangerous >= threshold).mean()) if len(dangerous) else 0.0,
        }


def by_group(errors: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Groups with an error, and groups."""
    return len(np.unique(groups[errors])), len(np.unique(groups))


def _rounded(point: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 6) for key, value in point.items()}


def thresholds(scores: FloatArray) -> list[float]:
    """Thresholds for a curve: quantiles of the scores, denser at both ends, on a grid of 1e-5."""
    ends = np.geomspace(0.002, 0.5, CURVE_POINTS // 2)
    shares = np.concatenate([ends, 1 - ends[::-1]])
    return sorted({float(value) for value in np.round(np.quantile(scores, shares), 5)})


def curves(sample: RiskSample, points: Iterable[OperatingPoint]) -> dict[str, Any]:
    """The `curves` object of a manifest; the thresholds of the operating points are among its own."""
    points = list(points)
    # The gates are those of every operating point: they do not depend on the limits.
    gates = Gates(points[0].novel_above, points[0].injection_above)
    allow = sorted({*thresholds(sample.answers.cost), *(point.allow_below for point in points)})
    deny = sorted({*thresholds(sample.answers.deny), *(point.deny_above for point in points)})
    return {
        "allow": [_rounded(sample.allow_point(threshold, gates)) for threshold in allow],
        "deny": [_rounded(sample.deny_point(threshold)) for threshold in deny],
        "confidence": CONFIDENCE,
    }


def _first(candidates: FloatArray, holds: Callable[[float], bool], fallback: float) -> float:
    """The first candidate, in the given order, that meets the bound."""
    for candidate in candidates:
        if holds(float(candidate)):
            return float(candidate)
    return fallback


def choose(sample: RiskSample, benign_injection: FloatArray, limits: Limits) -> OperatingPoint:
    """The loosest thresholds whose upper bounds stay within the limits.

    `benign_injection` [N]: calibrated injection answers of texts without one. Candidates lie on a grid of 0.001 (of
    0.0001 below 0.05, where the allow threshold usually falls).
    """
    grid = np.unique(np.concatenate([np.arange(0.0001, 0.05, 0.0001), np.arange(0.05, 1.0, 0.001)]).round(5))

    def injections_fine(threshold: float) -> bool:
        return upper_bound(int((benign_injection >= threshold).sum()), len(benign_injection)) <= limits.false_injection

    gates = Gates(sample.novel_above(), _first(grid, injections_fine, 1.0))
    return OperatingPoint(
        allow_below=_first(grid[::-1], lambda t: sample.allow_point(t, gates)["miss_rate_upper"] <= limits.miss, 0.0),
        deny_above=_first(grid, lambda t: sample.deny_point(t)["false_block_rate_upper"] <= limits.false_block, 1.0),
        injection_above=gates.injection_above,
        novel_above=gates.novel_above,
    )
