"""Token rows of many actions in three flat arrays, and batches of them padded to one length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenRows:
    """Rows of token ids, back to back.

    `ids` [tokens] uint16; row r is ids[row_starts[r]:row_starts[r + 1]]; action a owns the rows
    action_starts[a]:action_starts[a + 1] and is called `names[a]`.
    """

    ids: npt.NDArray[np.uint16]
    row_starts: IntArray
    action_starts: IntArray
    names: list[str]

    @classmethod
    def from_actions(cls, actions: Iterable[tuple[str, Sequence[npt.ArrayLike]]]) -> TokenRows:
        """Packs (name, rows) pairs."""
        names: list[str] = []
        rows: list[npt.NDArray[np.uint16]] = []
        counts: list[int] = []
        for name, action_rows in actions:
            names.append(name)
            counts.append(len(action_rows))
            rows.extend(np.asarray(row, dtype=np.uint16) for row in action_rows)
        return cls(
            ids=np.concatenate(rows) if rows else np.zeros(0, np.uint16),
            row_starts=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
            action_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            names=names,
        )

    @classmethod
    def load(cls, path: Path) -> TokenRows:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["ids"], arrays["row_starts"], arrays["action_starts"], arrays["names"].tolist())

    def save(self, path: Path) -> None:
        """Writes a compressed .npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path, ids=self.ids, row_starts=self.row_starts, action_starts=self.action_starts, names=np.array(self.names)
        )

    def subset(self, actions: npt.NDArray[np.intp]) -> TokenRows:
        """The rows of some actions, in the given order."""
        return TokenRows.from_actions((self.names[int(n)], [self.row(r) for r in self.rows_of(int(n))]) for n in actions)

    @property
    def row_lengths(self) -> IntArray:
        """Tokens of every row."""
        return np.diff(self.row_starts)

    def rows_of(self, action: int) -> range:
        """Row numbers of an action."""
        return range(int(self.action_starts[action]), int(self.action_starts[action + 1]))

    def row(self, number: int) -> npt.NDArray[np.uint16]:
        """Token ids of one row."""
        return self.ids[self.row_starts[number] : self.row_starts[number + 1]]

    def action_rows(self, action: int) -> list[list[int]]:
        """Token ids of an action, row by row."""
        return [self.row(number).tolist() for number in self.rows_of(action)]


def pad_rows(rows: Sequence[npt.NDArray[np.uint16]], pad_id: int) -> tuple[IntArray, IntArray]:
    """Rows of any length -> (input_ids, attention_mask), both int64 [rows, longest]."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def batches_by_length(
    lengths: IntArray, counts: IntArray, order: IntArray, token_budget: int, chunk: int, seed: np.random.Generator
) -> list[IntArray]:
    """Splits `order` (numbers of rows or actions) into batches of similar length.

    `lengths[n]` is the longest row of n and `counts[n]` how many rows it has. Numbers are sorted by length inside chunks
    of `chunk` numbers only, so that batches still mix content; a batch holds at most `token_budget` padded tokens. The
    batches come back shuffled.
    """
    batches: list[IntArray] = []
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        part = part[np.argsort(lengths[part], kind="stable")]
        current: list[int] = []
        rows = 0
        for number in part.tolist():
            if current and int(lengths[number]) * (rows + int(counts[number])) > token_budget:
                batches.append(np.array(current))
                current, rows = [], 0
            current.append(number)
            rows += int(counts[number])
        if current:
            batches.append(np.array(current))
    seed.shuffle(batches)
    return batches


def to_row(ids: Sequence[int]) -> npt.NDArray[np.uint16]:
    """Token ids as the row type of this module."""
    return np.asarray(ids, dtype=np.uint16)
