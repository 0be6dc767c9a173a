"""Compares ways to calibrate a question, each judged on sources that it was not fitted on.

Platt's scale and shift is what the engine applies. The others are here to show what that choice costs: temperature scaling
(Guo et al. 2017), beta calibration (Kull et al. 2017) and isotonic regression (Zadrozny and Elkan 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from riskpipe.aggregate import probabilities
from riskpipe.calibration import fit_question
from riskpipe.labels import DENY, INJECTION, STOP
from riskpipe.metrics import expected_calibration_error

FloatArray = npt.NDArray[np.floating]
Calibrator = Callable[[FloatArray], FloatArray]
QUESTIONS = {"stop": STOP, "deny": DENY, "injection": INJECTION}
# Isotonic regression answers 0 and 1 where it saw one kind only.
CERTAINTY = 1e-3


def platt(logits: FloatArray, wanted: FloatArray) -> Calibrator:
    """Scale and shift of the logit."""
    scale, shift = fit_question(logits, wanted)
    return lambda given: probabilities(scale * given + shift)


def temperature(logits: FloatArray, wanted: FloatArray) -> Calibrator:
    """A scale alone."""
    (log_scale,) = _fitted(lambda values: np.exp(values[0]) * logits, wanted, 1)
    return lambda given: probabilities(np.exp(log_scale) * given)


def beta(logits: FloatArray, wanted: FloatArray) -> Calibrator:
    """Scales of log(p) and of -log(1 - p), and a shift."""

    def logit(values: FloatArray, given: FloatArray) -> FloatArray:
        chosen, rest = -np.logaddexp(0, -given), np.logaddexp(0, given)
        combined: FloatArray = np.exp(values[0]) * chosen + np.exp(values[1]) * rest + values[2]
        return combined

    values = _fitted(lambda values: logit(values, logits), wanted, 3)
    return lambda given: probabilities(logit(values, given))


def isotonic(logits: FloatArray, wanted: FloatArray) -> Calibrator:
    """The best rising step function."""
    steps = IsotonicRegression(y_min=CERTAINTY, y_max=1 - CERTAINTY, out_of_bounds="clip").fit(logits, wanted)
    return lambda given: np.asarray(steps.predict(given))


METHODS = {"Platt": platt, "beta": beta, "isotonic": isotonic, "temperature": temperature}


def compare(
    answers: FloatArray, wanted: FloatArray, weight: FloatArray, sources: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Question logits, targets and weights [A, 21] and the actions' sources -> errors by question and method.

    Every source is answered by a calibrator fitted on all others; a question that only one source answers is left out.
    """
    names = np.array(sources)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for question, number in QUESTIONS.items():
        known = weight[:, number] > 0
        if len(set(names[known])) < 2:
            continue
        right = wanted[known, number].round()
        found[question] = {
            name: _errors(_left_out(method, answers[known, number], right, names[known]), right)
            for name, method in METHODS.items()
        }
    return found


def _left_out(
    method: Callable[[FloatArray, FloatArray], Calibrator],
    logits: FloatArray,
    wanted: FloatArray,
    sources: npt.NDArray[np.str_],
) -> FloatArray:
    answers = np.zeros(len(logits))
    for source in np.unique(sources):
        inside = sources == source
        answers[inside] = method(logits[~inside], wanted[~inside])(logits[inside])
    return answers


def _errors(answers: FloatArray, wanted: FloatArray) -> dict[str, float]:
    held = np.clip(answers, 1e-6, 1 - 1e-6)
    log_loss = -(wanted * np.log(held) + (1 - wanted) * np.log(1 - held)).mean()
    return {"log_loss": float(log_loss), "calibration_error": expected_calibration_error(answers, wanted)}


def _fitted(logit: Callable[[FloatArray], FloatArray], wanted: FloatArray, parameters: int) -> FloatArray:
    """The parameters, begun at zero, that make `logit` fit best."""
    signs = np.where(wanted > 0.5, 1.0, -1.0)

    def log_loss(values: FloatArray) -> float:
        return float(np.logaddexp(0, -signs * logit(values)).mean())

    best: FloatArray = minimize(log_loss, np.zeros(parameters)).x
    return best
