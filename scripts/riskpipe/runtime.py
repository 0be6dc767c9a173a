"""Runs model files with ONNX Runtime the way the engine does: one thread, denormals as zero."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

# Before it is loaded: it would collect what runs where and send it to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from riskpipe.labels import OUTPUTS
from riskpipe.tokens import IntArray, TokenRows, pad_rows

FloatArray = npt.NDArray[np.float32]
ERRORS_ONLY = 3
TOKENS_AT_ONCE = 2048


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options


@dataclass(frozen=True)
class Runtime:
    """One loaded model file."""

    session: ort.InferenceSession

    @classmethod
    def load(cls, path: Path) -> Runtime:
        """Loads a .onnx or .ort file."""
        return cls(ort.InferenceSession(str(path), _options(), providers=["CPUExecutionProvider"]))

    def outputs(self, input_ids: IntArray, attention_mask: IntArray) -> FloatArray:
        """Ids and mask [R, T] -> all outputs side by side [R, 24]: the logits of the heads, then the novelty."""
        names = [name for name, _ in OUTPUTS]
        outputs = self.session.run(names, {"input_ids": input_ids, "attention_mask": attention_mask})
        return np.concatenate(outputs, axis=1)

    def row_outputs(self, rows: TokenRows, pad_id: int) -> FloatArray:
        """Outputs of every row [R, 24]; rows of equal length run together, so padding cannot matter."""
        lengths = rows.row_lengths
        found = np.zeros((len(lengths), sum(width for _, width in OUTPUTS)), np.float32)
        for length in np.unique(lengths):
            same = np.flatnonzero(lengths == length)
            for batch in np.array_split(same, -(-len(same) * int(length) // TOKENS_AT_ONCE)):
                found[batch] = self.outputs(*pad_rows([rows.row(int(number)) for number in batch], pad_id))
        return found


def convert_to_ort(source: Path, target: Path) -> None:
    """Writes the ORT-format file of a .onnx file.

    Only basic optimisations: the extended ones fuse Add + LayerNormalization into a slower operator, and moving
    quantisation through reshapes adds work.
    """
    options = _options()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
