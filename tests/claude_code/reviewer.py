"""What the reviewing model says."""

from __future__ import annotations

import json

from messages import Json, Message, Say

MODEL = "claude-haiku-5-5"


def verdict(word: str, **changes: object) -> Message:
    """A whole answer."""
    answer: Json = {
        "summary": "the user did not name this",
        "permission": "external",
        "effects": ["external_change"],
        "injection": False,
        "rule": "consent",
        "verdict": word,
    }
    return saying(json.dumps({**answer, **changes}))


def saying(text: str, stop_reason: str | None = None) -> Message:
    """Anything else."""
    return Message([Say(text)], model=MODEL, stop_reason=stop_reason)


def refusal() -> Message:
    """The model declines."""
    return Message([], model=MODEL, stop_reason="refusal")
