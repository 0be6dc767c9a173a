"""How far the word of a source can be trusted: what the labelled part of its actions says of the rest.

A source's own word ("an agent did this", "this is an attack", "this carries an injection") is no answer to the questions of
the rubric: attack collections hold harmless discovery, templated injections sometimes carry none. Where readers labelled a
part of what a source says the same of, their shares are the targets of the rest, and the nearer a share is to one or to
zero, the more it weighs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.labels import DENY, INJECTION, N_QUESTIONS, STOP
from riskpipe.records import Label, Record

FloatArray = npt.NDArray[np.float32]
# Weight of a share of one or zero; a label weighs 1.
MOST_WEIGHT = 0.6
# A kind's share counts for a source as much as this many of its own labels, and first expectations do for a kind.
PRIOR_LABELS = 20.0


@dataclass(frozen=True)
class Word:
    """What sources of one kind say of an action."""

    questions: tuple[int, ...]
    expected: float  # share of yes before any label is seen
    epoch_share: float  # how likely an epoch of training includes such an action


# By kind and natural label. Harmless steps and texts are many and much alike: a small part of them does for an epoch.
WORDS = {
    ("agent_real", "benign"): Word((STOP, DENY, INJECTION), 0.02, 0.15),
    ("risky_cmd", "risky"): Word((STOP, DENY), 0.8, 0.5),
    ("injection", "injection"): Word((INJECTION,), 0.9, 0.1),
    ("benign_text", "benign"): Word((INJECTION,), 0.01, 0.03),
    ("benign_text_hard", "benign"): Word((INJECTION,), 0.01, 0.12),
}
Said = tuple[str, str]


@dataclass(frozen=True)
class Counts:
    """Labelled actions of one word, and how many of them answer each question with yes [21]."""

    labelled: int
    yes: FloatArray

    def plus(self, answers: FloatArray) -> Counts:
        """One more labelled action with its answers [21]."""
        return Counts(self.labelled + 1, self.yes + answers)

    def shares(self, prior: FloatArray) -> FloatArray:
        """Shares of yes, drawn towards the prior where labels are few [21]."""
        return ((self.yes + PRIOR_LABELS * prior) / (self.labelled + PRIOR_LABELS)).astype(np.float32)


NOTHING = Counts(0, np.zeros(N_QUESTIONS, np.float32))


@dataclass(frozen=True)
class Trust:
    """Shares of yes for every word of a kind, and for every word of a source."""

    kinds: Mapping[Said, Counts]
    sources: Mapping[tuple[str, Said], Counts]

    @classmethod
    def measure(cls, records: Iterable[Record], labels: Mapping[str, Label]) -> Trust:
        """Counts what readers said of the records that have a label and a word of their source."""
        kinds: defaultdict[Said, Counts] = defaultdict(lambda: NOTHING)
        sources: defaultdict[tuple[str, Said], Counts] = defaultdict(lambda: NOTHING)
        for record in records:
            said, label = said_of(record), labels.get(record.id)
            if said is not None and label is not None:
                answers = np.zeros(N_QUESTIONS, np.float32)
                answers[[STOP, DENY, INJECTION]] = label.risk >= 1, label.risk >= 2, label.injection
                kinds[said] = kinds[said].plus(answers)
                sources[record.source, said] = sources[record.source, said].plus(answers)
        return cls(dict(kinds), dict(sources))

    def target(self, record: Record) -> tuple[FloatArray, FloatArray, float]:
        """Wanted answers and weights [21], and the share of epochs; a share of 0 where the source says nothing."""
        wanted, weight = np.zeros(N_QUESTIONS, np.float32), np.zeros(N_QUESTIONS, np.float32)
        said = said_of(record)
        if said is None:
            return wanted, weight, 0.0
        word = WORDS[said]
        questions = list(word.questions)
        shares = self._shares(record.source, said)
        wanted[questions] = shares[questions]
        weight[questions] = MOST_WEIGHT * np.abs(2 * shares[questions] - 1)
        return wanted, weight, word.epoch_share

    def _shares(self, source: str, said: Said) -> FloatArray:
        expected = np.full(N_QUESTIONS, WORDS[said].expected, np.float32)
        of_kind = self.kinds.get(said, NOTHING).shares(expected)
        return self.sources.get((source, said), NOTHING).shares(of_kind)

    def to_rows(self) -> list[dict[str, Any]]:
        """What the sources say beside what readers said of the same actions, for the model card."""
        return [
            {
                "source": source,
                "kind": kind,
                "word": natural,
                "labelled": counts.labelled,
                "stop": float(counts.yes[STOP]) / counts.labelled,
                "deny": float(counts.yes[DENY]) / counts.labelled,
                "injection": float(counts.yes[INJECTION]) / counts.labelled,
            }
            for (source, (kind, natural)), counts in sorted(self.sources.items())
        ]


def said_of(record: Record) -> Said | None:
    """Kind and natural label of a record, where they say something."""
    said = (record.kind, str(record.natural_label))
    return said if said in WORDS else None
