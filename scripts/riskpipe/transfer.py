"""Starts a model from a checkpoint whose list of markers was shorter."""

from __future__ import annotations

from pathlib import Path

from riskpipe.checkpoints import Checkpoint
from riskpipe.model import Encoder

GROWING = ("tokens.weight", "masked_bias")
# Beginnings of the names of what fine-tuning makes anew.
FRESH = ("pairs.", "early_exit.", "novelty")


def load_into(model: Encoder, path: Path) -> None:
    """Copies the transformer's weights; new vocabulary entries, which stand at the end, keep their fresh values."""
    state = Checkpoint.load(path).state
    own = model.state_dict()
    state.update({name: value for name, value in own.items() if name.startswith(FRESH)})
    for name in GROWING:
        merged = own[name].clone()
        known = min(len(merged), len(state[name]))
        merged[:known] = state[name][:known]
        state[name] = merged
    model.load_state_dict(state)
