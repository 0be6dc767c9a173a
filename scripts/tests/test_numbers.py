"""Aggregation, calibration, thresholds and metrics against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from riskpipe.aggregate import action_questions, pool_actions, probabilities, row_questions
from riskpipe.calibration import Calibration, fit_question
from riskpipe.calibration_methods import compare
from riskpipe.labels import DENY, N_LOGITS, N_QUESTIONS, PERMISSION_SLICE, STOP
from riskpipe.metrics import expected_calibration_error, permission_of, recall_at_false_positive_rate
from riskpipe.operating import (
    LIMITS,
    Answers,
    Gates,
    OperatingPoint,
    RiskSample,
    choose,
    cost_of_allowing,
    interval,
    upper_bound,
)


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def test_questions_are_sums_of_softmax_probabilities() -> None:
    logits = np.random.default_rng(0).normal(size=(1, N_LOGITS)).astype(np.float32)
    answers = probabilities(row_questions(torch.from_numpy(logits)).numpy())[0]
    risk, permission = softmax(logits[0, :3]), softmax(logits[0, 3:8])
    assert answers[STOP] == pytest.approx(risk[1] + risk[2], abs=1e-5)
    assert answers[DENY] == pytest.approx(risk[2], abs=1e-5)
    assert answers[PERMISSION_SLICE] == pytest.approx([permission[k:].sum() for k in range(1, 5)], abs=1e-5)


def test_an_action_answers_with_its_worst_row() -> None:
    logits = np.random.default_rng(1).normal(size=(5, N_LOGITS)).astype(np.float32)
    starts = np.array([0, 2, 5])
    pooled = action_questions(logits, starts)
    questions = row_questions(torch.from_numpy(logits))
    assert pooled[1] == pytest.approx(questions[2:].max(dim=0).values.numpy())
    in_torch = pool_actions(questions, torch.tensor([0, 0, 1, 1, 1]), 2)
    assert in_torch.numpy() == pytest.approx(pooled)


def test_calibration_finds_scale_and_shift() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, 20_000)
    wanted = (rng.random(20_000) < probabilities(0.5 * logits - 1)).astype(float)
    scale, shift = fit_question(logits, wanted)
    assert (scale, shift) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.06))


def test_calibration_without_positives_stays_finite_and_rising() -> None:
    scale, shift = fit_question(np.linspace(-9, 9, 50), np.zeros(50))
    assert scale > 0
    assert math.isfinite(shift)


def test_calibrated_answers_are_in_order() -> None:
    rng = np.random.default_rng(3)
    answers = Calibration(rng.uniform(0.2, 2, N_QUESTIONS), rng.normal(size=N_QUESTIONS)).apply(
        rng.normal(size=(200, N_QUESTIONS))
    )
    assert (answers[:, DENY] <= answers[:, STOP]).all()
    assert (np.diff(answers[:, PERMISSION_SLICE], axis=1) <= 0).all()


def test_calibration_survives_the_manifest() -> None:
    rng = np.random.default_rng(4)
    calibration = Calibration(rng.uniform(0.2, 2, N_QUESTIONS), rng.normal(size=N_QUESTIONS))
    again = Calibration.from_manifest(calibration.to_manifest())
    assert again.scale == pytest.approx(calibration.scale, abs=1e-5)
    assert again.shift == pytest.approx(calibration.shift, abs=1e-5)


def test_bounds_are_clopper_pearson() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound(0, 148) > 0.02 > upper_bound(0, 149)
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(50, 100) == (pytest.approx(0.398, abs=1e-3), pytest.approx(0.602, abs=1e-3))


def test_the_operating_point_keeps_its_bounds() -> None:
    rng = np.random.default_rng(5)
    risk = rng.integers(0, 3, 3000)
    stop = np.clip(rng.normal([0.1, 0.6, 0.9], 0.15, (3000, 3))[np.arange(3000), risk], 0, 1)
    answers = Answers(stop, stop * 0.9, rng.uniform(0, 0.6, 3000), rng.uniform(0, 3, 3000))
    sample = RiskSample(answers, risk, np.arange(3000))
    limits = LIMITS["default"]
    point = choose(sample, rng.uniform(0, 0.5, 2000), limits)
    gates = Gates(point.novel_above, point.injection_above)
    assert sample.allow_point(point.allow_below, gates)["miss_rate_upper"] <= limits.miss
    assert sample.deny_point(point.deny_above)["false_block_rate_upper"] <= limits.false_block
    assert point.allow_below > 0.2
    assert point.deny_above < 0.6


def errorless(groups: np.ndarray) -> RiskSample:
    nothing = np.zeros(len(groups))
    return RiskSample(Answers(nothing, nothing, nothing, nothing), np.full(len(groups), 2), groups)


def test_twins_are_one_piece_of_evidence() -> None:
    open_gates = Gates(1.0, 1.0)
    assert errorless(np.arange(100)).allow_point(-1.0, open_gates)["miss_rate_upper"] == upper_bound(0, 100)
    assert errorless(np.arange(100) // 2).allow_point(-1.0, open_gates)["miss_rate_upper"] == upper_bound(0, 50)


def test_a_bound_is_never_below_the_rate_itself() -> None:
    # One group of 50 is missed whole, fifty groups of one are not: a small share of the groups, half of the actions.
    groups, cost = np.concatenate([np.zeros(50), np.arange(1, 51)]), np.repeat([0.0, 1.0], 50)
    sample = RiskSample(Answers(cost, cost, cost * 0, cost * 0), np.full(100, 2), groups)
    point = sample.allow_point(0.5, Gates(1.0, 1.0))
    assert point["miss_rate"] == 0.5
    assert point["miss_rate_upper"] == 0.5


def test_the_novel_and_what_carries_an_injection_are_not_allowed() -> None:
    nothing = np.zeros(3)
    answers = Answers(nothing, np.array([0, 0, 1.0]), np.array([0, 0.9, 0]), np.array([5.0, 0, 0]))
    point = OperatingPoint(allow_below=1.0, deny_above=1.0, injection_above=0.5, novel_above=3.0)
    assert point.zones(answers).tolist() == [1, 1, 2]


def test_a_question_skipped_costs_a_tenth_of_a_danger_let_through() -> None:
    assert cost_of_allowing(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])) == pytest.approx([0.0, 0.1, 1.0])


def test_recall_counts_positives_above_the_allowed_negatives() -> None:
    scores = np.concatenate([np.linspace(0, 1, 100), [0.5, 0.999, 1.1]])
    positive = np.arange(103) >= 100
    assert recall_at_false_positive_rate(scores, positive, 0.01) == pytest.approx(2 / 3)


def test_the_likeliest_permission_comes_from_differences() -> None:
    answers = np.zeros((2, N_QUESTIONS))
    answers[0, PERMISSION_SLICE] = [0.9, 0.8, 0.75, 0.05]
    assert permission_of(answers).tolist() == [3, 0]


def test_calibration_methods_mend_a_wrong_scale() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (1200, N_QUESTIONS))
    wanted = (rng.random(logits.shape) < probabilities(logits)).astype(float)
    sources = [f"s{number % 4}" for number in range(len(logits))]
    methods = compare(5 * logits - 2, wanted, np.ones_like(logits), sources)
    wrong = expected_calibration_error(probabilities(5 * logits[:, DENY] - 2), wanted[:, DENY])
    assert set(methods["deny"]) == {"Platt", "beta", "isotonic", "temperature"}
    assert methods["deny"]["Platt"]["calibration_error"] < wrong / 2
    assert methods["deny"]["Platt"]["log_loss"] < methods["deny"]["temperature"]["log_loss"]
