"""Saves a checkpoint as an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from riskpipe.checkpoints import Checkpoint
from riskpipe.onnx_graph import ActivationRange, EncoderGraph


def save_graph(checkpoint: Checkpoint, output: Path, ranges: Mapping[str, ActivationRange] | None) -> None:
    """Writes a float32 model, or a static int8 one when the ranges of the activations are given."""
    weights = {name: value.float().numpy() for name, value in checkpoint.state.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(EncoderGraph(checkpoint.config, weights, ranges).build(), str(output))
