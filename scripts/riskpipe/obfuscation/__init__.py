"""Ways to spell a Bash command otherwise, so that it does the same thing and says less of it.

Two families whose outermost mechanisms differ: `TRAINING` makes variants for training, `HELD_OUT` measures how a model fares
with tricks that it never saw. Everything here makes text; nothing runs it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from riskpipe.obfuscation.held_out import HELD_OUT
from riskpipe.obfuscation.shell import Transformation, is_for_bash
from riskpipe.obfuscation.training import TRAINING
from riskpipe.records import Label

__all__ = ["HELD_OUT", "TRAINING", "Spelling", "Transformation", "is_for_bash", "rewritten"]


@dataclass(frozen=True)
class Spelling:
    """A command and the transformations that it went through, in their order."""

    command: str
    used: tuple[Transformation, ...] = ()

    @property
    def name(self) -> str:
        """The names of the transformations, joined by `+`."""
        return "+".join(transformation.name for transformation in self.used)

    def relabelled(self, label: Label) -> Label:
        """The label of what came out, from that of what went in."""
        for transformation in self.used:
            label = transformation.relabelled(label)
        return label

    def then(self, transformation: Transformation, rng: random.Random) -> Spelling | None:
        """One more transformation laid over this, if it fits."""
        command = transformation.rewrite(self.command, rng)
        if command is None or command == self.command:
            return None
        return Spelling(command, (*self.used, transformation))


def rewritten(command: str, family: Iterable[Transformation], rng: random.Random, depth: int, risk: int) -> Spelling:
    """Up to `depth` different transformations that fit, one laid over the other, none of which would raise the risk."""
    spelling = Spelling(command)
    allowed = [transformation for transformation in family if transformation.floor <= risk]
    for transformation in rng.sample(allowed, len(allowed)):
        if len(spelling.used) == depth:
            break
        spelling = spelling.then(transformation, rng) or spelling
    return spelling
