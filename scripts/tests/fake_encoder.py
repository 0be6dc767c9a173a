"""Stands in for the engine's `encode` command: one row an action, the tool's marker and then the arguments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

MARKERS = ["⟦cls⟧", "⟦pad⟧", "⟦mask⟧", "⟦body⟧", "⟦tool_text⟧", "⟦tool_bash⟧"]
WINDOW = 128


def render(record: dict[str, Any]) -> str:
    """One unit for the whole action."""
    kind = "⟦tool_text⟧" if record["tool"] == "text" else "⟦tool_bash⟧"
    return f"⟦cls⟧{kind}⟦body⟧{' '.join(str(value) for value in record['input'].values())}"


def main() -> int:
    """Reads records from stdin, as the engine does."""
    arguments = sys.argv[2:]
    if "--markers" in arguments:
        print(json.dumps(MARKERS))
        return 0
    tokenizer = None
    if "--tokenizer" in arguments:
        tokenizer = Tokenizer.from_file(str(Path(arguments[arguments.index("--tokenizer") + 1])))
    for line in sys.stdin:
        record = json.loads(line)
        answer: dict[str, Any] = {"id": record["id"], "text": render(record)}
        if tokenizer is not None:
            ids = tokenizer.encode(answer["text"], add_special_tokens=False).ids
            answer["input_ids"] = [ids[start : start + WINDOW] for start in range(0, len(ids), WINDOW)][:4]
            answer["n_windows"] = len(answer["input_ids"])
        print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
