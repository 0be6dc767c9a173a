"""Builds the training, calibration and test sets as files, and loads them with their token rows."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from riskpipe import OWN_DATA
from riskpipe.augment import Augmenter
from riskpipe.descriptions import described_actions
from riskpipe.pretraining_data import pretraining_actions
from riskpipe.records import Label, Record, read_labels, read_records, write_jsonl
from riskpipe.splits import Fold, Split
from riskpipe.targets import Target, label_row, read_targets, target_of, weak_target, write_targets
from riskpipe.tokens import TokenRows
from riskpipe.trust import Trust

SPLITS: tuple[Split, ...] = ("train", "calibration", "test")
# More texts of one held-out source would be near copies of each other, and each costs many rows.
TEXTS_PER_SOURCE = 250

Pair = tuple[Record, Target]


@dataclass(frozen=True)
class Example:
    """An action's target and the numbers of its rows in the `TokenRows` beside it."""

    target: Target
    rows: range


def build(data: Path, output: Path, seed: int, fold: Fold) -> dict[str, int]:
    """Writes records/*.jsonl (for the encoder), targets/*.jsonl, labels/test.jsonl (for `riskgate eval`) and trust.jsonl.

    Returns the number of actions in each set.
    """
    records, labels = read_records(data, OWN_DATA), read_labels(data, OWN_DATA)
    counts = {"pretrain": write_jsonl(output / "records/pretrain.jsonl", pretraining_actions(data, records, seed, fold))}
    counts["descriptions"] = write_jsonl(output / "descriptions.jsonl", described_actions(records, fold))
    of: dict[Split, list[Record]] = {split: [] for split in SPLITS}
    for record in records:
        of[fold.split_of(record.source)].append(record)
    trust = Trust.measure(of["train"], labels)
    write_jsonl(output / "trust.jsonl", trust.to_rows())
    pairs: dict[Split, list[Pair]] = {
        "train": list(_training_pairs(of["train"], labels, trust, seed)),
        "calibration": _held_out_pairs(of["calibration"], labels, trust, seed),
        "test": _held_out_pairs(of["test"], labels, trust, seed),
    }
    for split, chosen in pairs.items():
        counts[split] = write_jsonl(output / f"records/{split}.jsonl", (record.to_action() for record, _ in chosen))
        write_targets(output / f"targets/{split}.jsonl", (target for _, target in chosen))
    write_jsonl(output / "labels/test.jsonl", (label_row(target) for _, target in pairs["test"]))
    return counts


def _pair_target(record: Record, label: Label | None, trust: Trust) -> Target | None:
    return weak_target(record, trust) if label is None else target_of(record, label)


def _training_pairs(records: list[Record], labels: dict[str, Label], trust: Trust, seed: int) -> Iterator[Pair]:
    """Training actions and variants of the labelled ones."""
    requests = sorted({str(r.context["user_request"]) for r in records if r.context.get("user_request")})
    augmenter = Augmenter(requests, seed)
    for record in records:
        label = labels.get(record.id)
        target = _pair_target(record, label, trust)
        if target is None:
            continue
        yield augmenter.in_context(record), target
        if label is not None:
            yield from augmenter.variants(record, label)


def _held_out_pairs(records: list[Record], labels: dict[str, Label], trust: Trust, seed: int) -> list[Pair]:
    """Every labelled action of a split, and a random part of its texts; weak risk labels are no measure."""
    pairs: list[Pair] = []
    texts: dict[str, list[Pair]] = {}
    for record in records:
        target = _pair_target(record, labels.get(record.id), trust)
        if target is None:
            continue
        if record.is_text:
            texts.setdefault(record.source, []).append((record, replace(target, wanted=target.wanted.round())))
        elif target.labelled:
            pairs.append((record, target))
    for source in sorted(texts):
        random.Random(seed).shuffle(texts[source])
        pairs.extend(texts[source][:TEXTS_PER_SOURCE])
    return pairs


def load_examples(folder: Path, split: Split) -> tuple[list[Example], TokenRows]:
    """Targets of a split joined by id to rows/<split>.npz, in the order of the rows."""
    known = {target.id: target for target in read_targets(folder / f"targets/{split}.jsonl")}
    rows = TokenRows.load(folder / f"rows/{split}.npz")
    try:
        return [Example(known[name], rows.rows_of(number)) for number, name in enumerate(rows.names)], rows
    except KeyError as unknown:
        raise ValueError(f"{unknown} of {split!r} has token rows and no target: encode again") from unknown


def fingerprint(targets: list[Target]) -> str:
    """SHA-256 over the sorted training ids with their targets: which data a model learned from."""
    digest = hashlib.sha256()
    for target in sorted(targets, key=lambda target: target.id):
        known = np.where(target.weight > 0, target.wanted, -1).round(3).tolist()
        digest.update(f"{target.id}\t{known}\n".encode())
    return digest.hexdigest()
