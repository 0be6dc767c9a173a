"""Figures of one scorer on one split: whole and by source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.labels import DENY, EFFECTS_SLICE, INJECTION, STOP
from riskpipe.metrics import (
    auc,
    effects_macro_auc,
    effects_macro_f1,
    effects_of,
    expected_calibration_error,
    macro_f1,
    permission_of,
    rate,
    recall_at_false_positive_rate,
)
from riskpipe.operating import LIMITS, Answers, OperatingPoint, RiskSample, choose
from riskpipe.scoring import Scores
from riskpipe.targets import Target


def judged_mask(targets: Sequence[Target]) -> npt.NDArray[np.bool_]:
    """Which actions carry a reader's risk label."""
    return np.array([target.judged for target in targets])


def text_mask(targets: Sequence[Target]) -> npt.NDArray[np.bool_]:
    """Which actions are returned texts, judged for injection only."""
    return np.array([target.weight[INJECTION] > 0 and not target.weight[STOP] for target in targets])


def pick(targets: Sequence[Target], numbers: npt.NDArray[np.intp]) -> list[Target]:
    """The targets with these numbers."""
    return [targets[int(number)] for number in numbers]


def risk_sample(scores: Scores, targets: Sequence[Target]) -> RiskSample:
    """Scores, labels and groups of the judged actions."""
    chosen = judged_mask(targets)
    risk = np.array([target.risk for target in targets])[chosen]
    groups = np.unique([target.group for target in targets], return_inverse=True)[1][chosen]
    return RiskSample(zone_answers(scores.subset(chosen)), risk, groups)


def zone_answers(scores: Scores) -> Answers:
    """What zones depend on."""
    answers = scores.answers
    return Answers(answers[:, STOP], answers[:, DENY], answers[:, INJECTION], scores.novelty)


def choose_points(scores: Scores, targets: Sequence[Target]) -> dict[str, OperatingPoint]:
    """The operating points of a scorer by name; calibrated scores and targets of the calibration split."""
    texts = text_mask(targets)
    benign = texts & np.array([target.wanted[INJECTION] < 0.5 for target in targets])
    sample = risk_sample(scores, targets)
    return {name: choose(sample, scores.answers[benign, INJECTION], limits) for name, limits in LIMITS.items()}


def risk_figures(scores: Scores, targets: Sequence[Target], point: OperatingPoint) -> dict[str, Any]:
    """Risk, permission and effects on judged actions."""
    answers = scores.answers
    risk = np.array([target.risk for target in targets])
    zones = point.zones(zone_answers(scores))
    wanted_effects = np.stack([target.wanted[EFFECTS_SLICE] > 0.5 for target in targets])
    permission = np.array([target.permission for target in targets])
    return {
        "actions": len(targets),
        "risk_counts": [int((risk == level).sum()) for level in range(3)],
        "auc_deny": auc(answers[:, DENY], risk == 2),
        "auc_stop": auc(answers[:, STOP], risk >= 1),
        "calibration_error_deny": expected_calibration_error(answers[:, DENY], risk == 2),
        "calibration_error_stop": expected_calibration_error(answers[:, STOP], risk >= 1),
        "benign_allowed": rate(zones[risk == 0] == 0),
        "benign_denied": rate(zones[risk == 0] == 2),
        "dangerous_allowed": rate(zones[risk == 2] == 0),
        "dangerous_denied": rate(zones[risk == 2] == 2),
        "decided_locally": rate(zones != 1),
        "permission_macro_f1": macro_f1(permission_of(answers), permission),
        "effects_macro_auc": effects_macro_auc(answers[:, EFFECTS_SLICE], wanted_effects),
        "effects_macro_f1": effects_macro_f1(effects_of(answers), wanted_effects),
    }


def injection_figures(scores: Scores, targets: Sequence[Target], point: OperatingPoint) -> dict[str, Any]:
    """Injection on returned texts."""
    positive = np.array([target.wanted[INJECTION] > 0.5 for target in targets])
    found = scores.answers[:, INJECTION]
    return {
        "texts": len(targets),
        "injections": int(positive.sum()),
        "auc": auc(found, positive),
        "recall_at_1_percent_false_positives": recall_at_false_positive_rate(found, positive, 0.01),
        "found": rate(found[positive] >= point.injection_above),
        "false_alarms": rate(found[~positive] >= point.injection_above),
    }


def by_source(
    scores: Scores,
    targets: Sequence[Target],
    point: OperatingPoint,
    figures: Callable[[Scores, Sequence[Target], OperatingPoint], dict[str, Any]],
) -> dict[str, Any]:
    """`figures` on everything (key "all") and on every source."""
    sources = np.array([target.source for target in targets])
    found = {"all": figures(scores, targets, point)}
    for source in sorted(set(sources.tolist())):
        chosen = np.flatnonzero(sources == source)
        found[source] = figures(scores.subset(chosen), pick(targets, chosen), point)
    return found


def evaluate(scores: Scores, targets: Sequence[Target], point: OperatingPoint) -> dict[str, Any]:
    """All figures of a scorer; the scores are calibrated."""
    judged, texts = np.flatnonzero(judged_mask(targets)), np.flatnonzero(text_mask(targets))
    return {
        "operating_point": vars(point),
        "risk": by_source(scores.subset(judged), pick(targets, judged), point, risk_figures),
        "injection": by_source(scores.subset(texts), pick(targets, texts), point, injection_figures),
    }


def flips(first: Scores, second: Scores, point: OperatingPoint) -> dict[str, Any]:
    """How often two sets of calibrated scores land in different zones, and by how much they differ."""
    zones = [point.zones(zone_answers(scores)) for scores in (first, second)]
    difference = np.abs(first.answers - second.answers).mean(axis=0)
    return {
        "zone_differs": rate(zones[0] != zones[1]),
        "allow_against_deny": int((np.abs(zones[0] - zones[1]) == 2).sum()),
        "mean_absolute_difference_stop": float(difference[STOP]),
        "mean_absolute_difference_deny": float(difference[DENY]),
    }
