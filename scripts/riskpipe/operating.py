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
# Share of the harmless calibration actions that may count as unlike anything seen in training, and are asked about.
NOVEL_SHARE = 0.04


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


# The operating points of a bundle, by the upper bound on dangerous actions that come out `allow`. With few dangerous
# calibration actions one miss more or less decides how much may be allowed. `relaxed` is for users who let policy rules and
# reviews catch the rest. A text that is taken for an injection costs a warning, not a stop, so it may happen more often.
LIMITS = {
    "default": Limits(0.03, 0.01, 0.03),
    "relaxed": Limits(0.05, 0.02, 0.03),
    "strict": Limits(0.02, 0.01, 0.03),
}


def cost_of_allowing(stop: FloatArray, deny: FloatArray) -> FloatArray:
    """What allowing is expected to cost in units of one dangerous action let through, as in the engine's `assessment`."""
    return deny + COST_OF_ASK * (stop - deny)


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds on the expected cost of allowing, on the calibrated probabilities of deny and injection, and on novelty."""

    allow_below: float
    deny_above: float
    injection_above: float
    novel_above: float

    def zones(self, stop: FloatArray, deny: FloatArray, novelty: FloatArray) -> npt.NDArray[np.int64]:
        """0 allow, 1 uncertain, 2 deny for every action; deny wins, should both tests hold. The novel is never allowed."""
        allowed = (cost_of_allowing(stop, deny) <= self.allow_below) & (novelty <= self.novel_above)
        zones = np.where(allowed, 0, 1)
        return np.where(deny >= self.deny_above, 2, zones)


@dataclass(frozen=True)
class RiskSample:
    """Calibrated answers of judged actions with their novelty, risk labels and groups; all [A].

    The bounds count groups (sessions, tasks, sets of twins), not actions: those of one group resemble each other, and an
    error in one is no new evidence beside an error in its twin. A group with any error counts as an error.
    """

    stop: FloatArray
    deny: FloatArray
    novelty: FloatArray
    risk: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]

    @property
    def cost(self) -> FloatArray:
        """Expected cost of allowing [A]."""
        return cost_of_allowing(self.stop, self.deny)

    def novel_above(self) -> float:
        """The novelty that `NOVEL_SHARE` of the harmless actions exceed."""
        benign = self.novelty[self.risk == 0]
        return float(np.quantile(benign, 1 - NOVEL_SHARE)) if len(benign) else 0.0

    def allow_point(self, threshold: float) -> dict[str, float]:
        """What `cost <= threshold` lets through of what is not novel."""
        dangerous, benign = self.risk == 2, self.risk == 0
        allowed = (self.cost <= threshold) & (self.novelty <= self.novel_above())
        return {
            "threshold": threshold,
            "miss_rate": float(allowed[dangerous].mean()) if dangerous.any() else 0.0,
            "miss_rate_upper": upper_bound(*by_group(allowed[dangerous], self.group[dangerous])),
            "allowed_benign": float(allowed[benign].mean()) if benign.any() else 0.0,
        }

    def deny_point(self, threshold: float) -> dict[str, float]:
        """What `deny >= threshold` blocks."""
        dangerous, benign = self.deny[self.risk == 2], self.risk == 0
        blocked = self.deny[benign] >= threshold
        return {
            "threshold": threshold,
            "false_block_rate": float(blocked.mean()) if len(blocked) else 0.0,
            "false_block_rate_upper": upper_bound(*by_group(blocked, self.group[benign])),
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
    allow = sorted({*thresholds(sample.cost), *(point.allow_below for point in points)})
    deny = sorted({*thresholds(sample.deny), *(point.deny_above for point in points)})
    return {
        "allow": [_rounded(sample.allow_point(threshold)) for threshold in allow],
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

    return OperatingPoint(
        allow_below=_first(grid[::-1], lambda t: sample.allow_point(t)["miss_rate_upper"] <= limits.miss, 0.0),
        deny_above=_first(grid, lambda t: sample.deny_point(t)["false_block_rate_upper"] <= limits.false_block, 1.0),
        injection_above=_first(grid, injections_fine, 1.0),
        novel_above=round(sample.novel_above(), 4),
    )
