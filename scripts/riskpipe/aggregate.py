"""From row logits to one answer for every question of an action, in torch for training and in numpy elsewhere.

Everything stays in logits: the maximum over rows of a probability is the sigmoid of the maximum of its logits, and
sums of softmax probabilities are differences of log-sum-exps. The engine does the same arithmetic.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from riskpipe.labels import HEADS, PERMISSION, RISK

FloatArray = npt.NDArray[np.floating]
WIDTHS = [width for _, width in HEADS]


def row_questions(logits: Tensor) -> Tensor:
    """Row logits [R, 23] -> logits of the questions [R, 21]."""
    risk, permission, effects, injection = torch.split(logits, WIDTHS, dim=1)
    ordinal = [_at_least(risk, level) for level in range(1, len(RISK))]
    ordinal += [_at_least(permission, level) for level in range(1, len(PERMISSION))]
    return torch.cat([torch.stack(ordinal, dim=1), effects, injection], dim=1)


def _at_least(logits: Tensor, level: int) -> Tensor:
    """Logit of P(class >= level) under a softmax; logits [R, K] -> [R]."""
    return logits[:, level:].logsumexp(dim=1) - logits[:, :level].logsumexp(dim=1)


def pool_actions(questions: Tensor, owners: Tensor, actions: int) -> Tensor:
    """Maximum over the rows of an action: questions [R, 21], owners [R] in 0..actions -> [actions, 21]."""
    pooled = questions.new_full((actions, questions.shape[1]), -torch.inf)
    index = owners[:, None].expand_as(questions)
    return pooled.scatter_reduce(0, index, questions, reduce="amax", include_self=True)


def action_questions(logits: FloatArray, action_starts: npt.NDArray[np.int64]) -> FloatArray:
    """Row logits [R, 23] of consecutive actions -> question logits [A, 21]; rows of action a start at action_starts[a]."""
    questions: FloatArray = row_questions(torch.from_numpy(np.asarray(logits, np.float32))).numpy()
    pooled: FloatArray = np.maximum.reduceat(questions, action_starts[:-1], axis=0)
    return pooled


def probabilities(question_logits: FloatArray) -> FloatArray:
    """Elementwise sigmoid."""
    return 1.0 / (1.0 + np.exp(-np.clip(question_logits, -30, 30)))
