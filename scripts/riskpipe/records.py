"""Reads the data folder: action records of the pool and the authored files, and the labels joined to them by id."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The context of the action-record contract. The pool carries more (a benchmark's own decision, a history), some of
# which gives the answer away; the engine never sees those, so neither does training.
CONTEXT_KEYS = ("harness", "session_id", "cwd", "workspace", "home", "user_request", "permission_mode")


@dataclass(frozen=True)
class Record:
    """One action, and what its source says about it."""

    id: str
    tool: str
    input: dict[str, Any]
    context: dict[str, Any]
    source: str
    kind: str
    group: str
    natural_label: str | None = None
    shell: str | None = None
    description: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether this is content that a tool returned, which is judged for injection only."""
        return self.tool == "text"

    def to_action(self) -> dict[str, Any]:
        """The action record that the engine's encoder reads."""
        action: dict[str, Any] = {"id": self.id, "source": self.source, "tool": self.tool, "input": self.input}
        if self.context:
            action["context"] = self.context
        return action

    def raw_text(self) -> str:
        """Tool and arguments as plain text, for the baselines and for finding duplicates."""
        values = [self.tool, *(_flatten(self.input))]
        return " ".join(values)


@dataclass(frozen=True)
class Label:
    """One label record as the rubric defines it."""

    risk: int
    permission: str
    effects: frozenset[str] = field(default_factory=frozenset)
    injection: int = 0


def _flatten(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _flatten(item)
    elif isinstance(value, list):
        for item in value:
            yield from _flatten(item)
    elif value is not None:
        yield str(value)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSONL file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Writes objects one a line; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _description(row: dict[str, Any], context: dict[str, Any]) -> str | None:
    """What the action does in its author's words, or the name of the attack technique that it shows.

    For teaching what commands mean, never for judging one: the engine does not see it.
    """
    hint = str(row.get("hint") or "")
    technique = hint if hint.startswith("ATT&CK") else None
    found = context.get("description") or row["input"].get("description") or technique
    return str(found) if found else None


def parse_record(row: dict[str, Any], source: str) -> Record:
    """A pool or authored line as a `Record`, without the keys that the engine would not see."""
    context = row.get("context") or {}
    return Record(
        id=row["id"],
        tool=row["tool"],
        input=row["input"],
        context={key: context[key] for key in CONTEXT_KEYS if context.get(key) is not None},
        source=source,
        kind=row.get("kind", "authored"),
        group=f"{source}/{row.get('group', row['id'])}",
        natural_label=row.get("natural_label"),
        shell=context.get("shell"),
        description=None if row["tool"] == "Task" else _description(row, context),
    )


def read_records(*folders: Path) -> list[Record]:
    """Every record of the folders' `pool/` and `authored/`; an authored source is named `authored-<topic>`."""
    records: list[Record] = []
    for folder in folders:
        for part, prefix in (("pool", ""), ("authored", "authored-")):
            for path in sorted((folder / part).glob("*.jsonl")):
                source = prefix + path.stem
                records.extend(parse_record(row, source) for row in read_jsonl(path))
    return records


def read_labels(*folders: Path) -> dict[str, Label]:
    """Labels by record id, from the folders' `labels/`; a later folder's word stands."""
    labels = {}
    for path in [path for folder in folders for path in sorted((folder / "labels").glob("*.jsonl"))]:
        for row in read_jsonl(path):
            labels[row["id"]] = Label(
                risk=int(row["risk"]),
                permission=row["permission"],
                effects=frozenset(row["effects"]),
                injection=int(row["injection"]),
            )
    return labels


@dataclass(frozen=True)
class CorpusFile:
    """A file of the unlabelled corpus, or a part of one."""

    path: str
    text: str


def read_corpus(data: Path, kind: str) -> Iterator[CorpusFile]:
    """Files of one kind of the pre-training corpus."""
    for row in read_jsonl(data / "corpus" / f"{kind}.jsonl.gz"):
        yield CorpusFile(row["path"], row["text"])
