"""Chooses what the masked language model reads: actions of the training sources and a slice of the corpus."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskpipe.records import CorpusFile, Record, read_corpus
from riskpipe.splits import Fold

CHUNK_CHARS = 700


@dataclass(frozen=True)
class CorpusSlice:
    """How much of one corpus kind to take, in characters, and the tool that it is rendered as."""

    kind: str
    chars: int
    tool: str


CORPUS_SLICES = (
    CorpusSlice("shell", 10_000_000, "Bash"),
    CorpusSlice("shell", 1_500_000, "text"),
    CorpusSlice("ci_infra", 2_500_000, "text"),
    CorpusSlice("ci_infra", 2_500_000, "Write"),
    CorpusSlice("docs", 5_000_000, "text"),
    CorpusSlice("code", 3_000_000, "text"),
    CorpusSlice("code", 4_000_000, "Write"),
)


def pretraining_actions(data: Path, records: Iterable[Record], seed: int, fold: Fold) -> Iterator[dict[str, Any]]:
    """Action records for pre-training: distinct actions of the training sources, then chunks of the corpus.

    Calibration and test sources stay out, so that their figures say something about unseen sources; authored actions, which
    all have labels, come later.
    """
    seen: set[str] = set()
    for record in records:
        text = record.raw_text()
        if fold.split_of(record.source) == "train" and record.kind != "authored" and text not in seen:
            seen.add(text)
            yield record.to_action()
    for number, part in enumerate(CORPUS_SLICES):
        yield from _corpus_actions(data, part, seed + number)


def _corpus_actions(data: Path, part: CorpusSlice, seed: int) -> Iterator[dict[str, Any]]:
    """Chunks of a random selection of a kind's texts, cut at line ends."""
    files = list(read_corpus(data, part.kind))
    random.Random(seed).shuffle(files)
    taken = 0
    for number, file in enumerate(files):
        for index, chunk in enumerate(_chunks(file.text)):
            yield {"id": f"corpus-{seed}-{number}-{index}", "tool": part.tool, "input": _arguments(part.tool, file, chunk)}
            taken += len(chunk)
        if taken > part.chars:
            return


def _arguments(tool: str, file: CorpusFile, chunk: str) -> dict[str, str]:
    """The arguments with which a tool runs, returns or writes a piece of a file."""
    if tool == "Write":
        return {"file_path": file.path, "content": chunk}
    return {"command" if tool == "Bash" else "text": chunk}


def _chunks(text: str) -> Iterator[str]:
    """Pieces of at most `CHUNK_CHARS` characters, ending with a line where the lines allow."""
    piece = ""
    for line in text.splitlines(keepends=True):
        if piece and len(piece) + len(line) > CHUNK_CHARS:
            yield piece
            piece = ""
        piece += line[:CHUNK_CHARS]
    if piece.strip():
        yield piece
