"""Two baselines that the model must beat: a keyword list, and logistic regression on character n-grams."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from riskpipe.labels import DENY, INJECTION, N_QUESTIONS, STOP

FloatArray = npt.NDArray[np.floating]

LONGEST_TEXT = 1000  # characters

# What a careful person would put on a block list and on an ask list in an afternoon.
DENY_WORDS = re.compile(
    r"rm -[a-z]*r[a-z]* (?:/|~|\$HOME)|mkfs|\bdd if=|of=/dev/|/dev/tcp|\bnc -e|\bncat\b|bash -i|\.ssh/id_|/etc/shadow|mimikatz"
    r"|(?:curl|wget)[^|;]*\|\s*(?:sudo )?(?:ba|z)?sh|push (?:.*)(?:-f\b|--force)|DROP (?:TABLE|DATABASE)|terraform (?:apply|destroy)"
    r"|base64 -d|authorized_keys|\.aws/credentials|xmrig|reverse.?shell|setenforce 0|history -c|:\(\)\{|chmod [ugo+]*s\b|IEX\b"
    r"|DownloadString|EncodedCommand|vssadmin|Invoke-Mimikatz",
    re.IGNORECASE,
)
ASK_WORDS = re.compile(
    r"\bsudo\b|\bgit push\b|\bapt(?:-get)? |\byum |\bkill|\brm -|\bdocker run|\bsystemctl|\bchmod 777|reset --hard|\bnpm publish"
    r"|clean -[a-z]*f|--no-verify|\.env\b|0\.0\.0\.0|\bssh |\bscp |crontab|\breg add|\bcurl\b.*(?:-d|-X)|\bbrew |send|delete|transfer",
    re.IGNORECASE,
)
INJECTION_WORDS = re.compile(
    r"ignore (?:all |any |the |your )*(?:previous|prior|above|earlier)|disregard|you are now|system prompt|important message"
    r"|new instructions|do not tell|jailbreak|\bDAN\b|<INFORMATION>|act as",
    re.IGNORECASE,
)


def keyword_answers(texts: Sequence[str]) -> FloatArray:
    """Answers of the keyword list [A, 21]; only stop, deny and injection are attempted."""
    answers = np.zeros((len(texts), N_QUESTIONS))
    for number, text in enumerate(texts):
        dangerous = bool(DENY_WORDS.search(text))
        answers[number, DENY] = dangerous
        answers[number, STOP] = dangerous or bool(ASK_WORDS.search(text))
        answers[number, INJECTION] = bool(INJECTION_WORDS.search(text))
    return answers


@dataclass(frozen=True)
class NgramBaseline:
    """Logistic regressions, one for every question, on TF-IDF weights of character n-grams."""

    vectoriser: TfidfVectorizer
    models: tuple[LogisticRegression | None, ...]

    @classmethod
    def fit(cls, texts: Sequence[str], wanted: FloatArray, weight: FloatArray) -> NgramBaseline:
        """Fits on the actions where a question has a weight; texts [A], wanted and weight [A, 21]."""
        vectoriser = TfidfVectorizer(
            analyzer="char", ngram_range=(2, 4), max_features=40_000, lowercase=False, sublinear_tf=True, dtype=np.float32
        )
        features = csr_matrix(vectoriser.fit_transform(text[:LONGEST_TEXT] for text in texts))
        models: list[LogisticRegression | None] = []
        for question in range(N_QUESTIONS):
            known = np.flatnonzero(weight[:, question] > 0)
            positive = wanted[known, question] > 0.5
            if positive.all() or not positive.any():
                models.append(None)
                continue
            model = LogisticRegression(C=4.0, solver="liblinear", class_weight="balanced")
            models.append(model.fit(features[known], positive, sample_weight=weight[known, question]))
        return cls(vectoriser, tuple(models))

    def answers(self, texts: Sequence[str]) -> FloatArray:
        """Probabilities [A, 21]; 0 for a question that had only one answer in training."""
        features = self.vectoriser.transform(text[:LONGEST_TEXT] for text in texts)
        answers = np.zeros((len(texts), N_QUESTIONS))
        for question, model in enumerate(self.models):
            if model is not None:
                answers[:, question] = model.predict_proba(features)[:, 1]
        return answers
