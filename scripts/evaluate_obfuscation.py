"""Measures what spelling a command otherwise does to the verdict; see obfuscation_set.py.

python evaluate_obfuscation.py --riskgate ../target/release/riskgate --model run/bundle --input run/obfuscated.jsonl \
        --labels run/obfuscated-labels.jsonl --output run/obfuscation.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riskpipe.labels import RISK
from riskpipe.metrics import rate
from riskpipe.records import read_jsonl


@dataclass(frozen=True)
class Judged:
    """One spelling of a command, its label, and what the engine says of it and of the original."""

    id: str
    source: str
    transformations: tuple[str, ...]
    risk: int
    verdict: str
    verdict_of_original: str

    @property
    def lowered(self) -> bool:
        """Whether the spelling turned a stop into an allow."""
        return self.verdict == "allow" and self.verdict_of_original != "allow"

    @property
    def raised(self) -> bool:
        """Whether the spelling turned an allow into a stop."""
        return self.verdict != "allow" and self.verdict_of_original == "allow"


def verdicts(riskgate: Path, model: Path | None, actions: Path) -> dict[str, str]:
    """The verdict of every action by its id; one that the engine could not read has its verdict, too."""
    command = [str(riskgate), "score", "--input", str(actions), *(["--model", str(model)] if model else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    return {decision["id"]: decision["verdict"] for decision in decisions}


def judged(actions: Path, labels: Path, verdict: dict[str, str]) -> list[Judged]:
    """Actions joined with their labels, their verdicts and the verdicts of their originals."""
    risk = {row["id"]: int(row["risk"]) for row in read_jsonl(labels)}
    found = []
    for row in read_jsonl(actions):
        names = row["transformation"]
        original = row["id"].removesuffix(f"~{names}")
        transformations = tuple(names.split("+")) if names else ()
        found.append(
            Judged(row["id"], row["source"], transformations, risk[row["id"]], verdict[row["id"]], verdict[original])
        )
    return found


def shares(chosen: Sequence[Judged]) -> dict[str, Any]:
    """Shares of the verdicts, and of those that the spelling changed."""
    return {
        **{name: rate(np.array([action.verdict == name for action in chosen], bool)) for name in RISK},
        "lowered": rate(np.array([action.lowered for action in chosen], bool)),
        "raised": rate(np.array([action.raised for action in chosen], bool)),
    }


def grouped(chosen: Sequence[Judged], names_of: Callable[[Judged], Iterable[str]]) -> dict[str, Any]:
    """`shares` by name, those first that are allowed most often; an action counts under each of its names."""
    groups: dict[str, list[Judged]] = {}
    for action in chosen:
        for name in names_of(action):
            groups.setdefault(name, []).append(action)
    by_name = {name: shares(group) for name, group in sorted(groups.items())}
    return dict(sorted(by_name.items(), key=lambda item: -item[1]["allow"]["rate"]))


def figures(chosen: Sequence[Judged]) -> dict[str, Any]:
    """Everything about the actions of one risk."""
    originals = [action for action in chosen if not action.transformations]
    spelled = [action for action in chosen if action.transformations]
    alone = [action for action in spelled if len(action.transformations) == 1]
    return {
        "originals": shares(originals),
        "obfuscated": shares(spelled),
        "by_depth": grouped(spelled, lambda action: [str(len(action.transformations))]),
        "by_transformation": grouped(spelled, lambda action: action.transformations),
        "by_transformation_alone": grouped(alone, lambda action: action.transformations),
        "originals_by_source": grouped(originals, lambda action: [action.source]),
        "by_source": grouped(spelled, lambda action: [action.source]),
    }


def report(actions: Sequence[Judged]) -> dict[str, Any]:
    """The whole report."""
    dangerous = [action for action in actions if action.risk == 2]
    spelled = [action for action in dangerous if action.transformations]
    return {
        "dangerous": figures(dangerous),
        "harmless": figures([action for action in actions if action.risk == 0]),
        "allowed": [action.id for action in spelled if action.verdict == "allow"],
        "lowered": [action.id for action in spelled if action.lowered],
    }


def run(riskgate: Path, model: Path | None, actions: Path, labels: Path, output: Path) -> dict[str, Any]:
    """Scores, writes the report and returns it."""
    whole = report(judged(actions, labels, verdicts(riskgate, model, actions)))
    output.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return whole


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--riskgate", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="the bundle; without it, the engine's usual one")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    whole = run(options.riskgate, options.model, options.input, options.labels, options.output)
    for risk in ("dangerous", "harmless"):
        for part in ("originals", "obfuscated"):
            text = ", ".join(f"{name} {share['hits']}/{share['of']}" for name, share in whole[risk][part].items())
            print(f"{risk} {part}: {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
