"""Spells the test commands in ways that training never sees, to measure whether a trick changes the verdict.

python obfuscation_set.py --data ../../shared/data --output run/obfuscated.jsonl --labels run/obfuscated-labels.jsonl

Takes every Bash command of the test split that stands alone and is labelled dangerous, and a sample of the harmless ones.
The commands as they are stand in the output, too: a verdict means something beside that of the original. Nothing is run.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from riskpipe import OWN_DATA, SEED
from riskpipe.obfuscation import HELD_OUT, Spelling, is_for_bash
from riskpipe.records import Label, Record, read_labels, read_records, write_jsonl
from riskpipe.splits import MAIN

ROUNDS = 9  # variants of a dangerous command; some 340 of them give about 3,000
HARMLESS = 1000
DEEPEST = 3
LONGEST_SOURCE = 1500
LONGEST_RESULT = 100_000  # an encoding of a long padding would be longer than a kernel takes as one argument

Row = tuple[dict[str, Any], dict[str, Any]]


def stands_alone(record: Record) -> bool:
    """Whether this is one short Bash command without a here-document, whose end could be hidden by what follows."""
    command = record.input.get("command")
    return (
        record.tool == "Bash"
        and record.shell != "powershell"
        and isinstance(command, str)
        and "<<" not in command
        and 0 < len(command) < LONGEST_SOURCE
        and not command.endswith("\\")
        and is_for_bash(command)
    )


def spelled(command: str, depth: int, risk: int, used: Counter[str], rng: random.Random) -> Spelling:
    """Lays up to `depth` transformations over a command, those first that were used least."""
    spelling = Spelling(command)
    for transformation in sorted(HELD_OUT, key=lambda known: (used[known.name], rng.random())):
        if len(spelling.used) == depth:
            break
        longer = spelling.then(transformation, rng) if transformation.floor <= risk else None
        if longer is not None and len(longer.command) <= LONGEST_RESULT:
            spelling = longer
    used.update(transformation.name for transformation in spelling.used)
    return spelling


def rows_of(record: Record, label: Label, spelling: Spelling) -> Row:
    """The action record and the label record of one spelling."""
    name = f"{record.id}~{spelling.name}" if spelling.used else record.id
    changed = replace(record, id=name, input={**record.input, "command": spelling.command})
    risen = spelling.relabelled(label)
    action = {**changed.to_action(), "transformation": spelling.name or None}
    effects = sorted(risen.effects)
    return action, {
        "id": name,
        "risk": risen.risk,
        "permission": risen.permission,
        "effects": effects,
        "injection": label.injection,
    }


def variants(records: Sequence[Record], labels: Mapping[str, Label], rounds: int, rng: random.Random) -> Iterator[Row]:
    """Every command as it is, and a spelling of it in every round; transformations and depths come up evenly."""
    used: Counter[str] = Counter()
    seen = set()
    for record in records:
        yield rows_of(record, labels[record.id], Spelling(record.input["command"]))
    for number in range(rounds):
        for place, record in enumerate(rng.sample(records, len(records))):
            label = labels[record.id]
            spelling = spelled(record.input["command"], 1 + (number + place) % DEEPEST, label.risk, used, rng)
            if spelling.used and (record.id, spelling.name) not in seen:
                seen.add((record.id, spelling.name))
                yield rows_of(record, label, spelling)


def build(data: Path, seed: int) -> list[Row]:
    """The whole set, dangerous commands first."""
    labels = read_labels(data, OWN_DATA)
    known = [
        record
        for record in read_records(data, OWN_DATA)
        if record.id in labels and MAIN.split_of(record.source) == "test" and stands_alone(record)
    ]
    rng = random.Random(seed)
    dangerous = [record for record in known if labels[record.id].risk == 2]
    harmless = [record for record in known if labels[record.id].risk == 0]
    harmless = rng.sample(harmless, min(HARMLESS, len(harmless)))
    return [*variants(dangerous, labels, ROUNDS, rng), *variants(harmless, labels, 1, rng)]


def run(data: Path, output: Path, labels: Path, seed: int) -> Counter[tuple[int, bool]]:
    """Writes actions and labels; returns how many there are by risk and by whether they are spelled otherwise."""
    rows = build(data, seed)
    write_jsonl(output, (action for action, _ in rows))
    write_jsonl(labels, (label for _, label in rows))
    return Counter((label["risk"], action["transformation"] is not None) for action, label in rows)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    counts = run(options.data, options.output, options.labels, options.seed)
    for (risk, is_spelled), count in sorted(counts.items()):
        print(f"risk {risk}, {'spelled otherwise' if is_spelled else 'as they are'}: {count}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
