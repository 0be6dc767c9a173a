"""Calls `riskgate encode`, the one place that turns an action into the text and the token rows that the model sees."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskpipe.tokens import TokenRows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodeBinary:
    """Path of the engine's binary, plus arguments that come before `encode` (none, outside tests)."""

    path: Path
    leading: tuple[str, ...] = ()

    def markers(self) -> list[str]:
        """The closed list of markers that the template can emit."""
        done = subprocess.run(self._command("--markers"), check=True, capture_output=True, text=True)
        markers: list[str] = json.loads(done.stdout)
        return markers

    def texts(self, records: Path) -> Iterator[tuple[str, str]]:
        """(id, rendered text) of every record of a JSONL file, in its order."""
        for row in self._rows(records, "--no-tokens"):
            yield row["id"], row["text"]

    def token_rows(self, records: Path, tokenizer: Path) -> TokenRows:
        """Token rows of the records of a JSONL file; a record without any row is left out."""
        rows = self._rows(records, "--tokenizer", str(tokenizer))
        return TokenRows.from_actions((row["id"], row["input_ids"]) for row in rows if row["input_ids"])

    def _command(self, *arguments: str) -> Sequence[str]:
        return [str(self.path), *self.leading, "encode", *arguments]

    def _rows(self, records: Path, *arguments: str) -> Iterator[dict[str, Any]]:
        """Output objects of one run, without the records that the engine refuses as malformed."""
        with records.open("rb") as source:
            process = subprocess.Popen(self._command(*arguments), stdin=source, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                row = json.loads(line)
                if "error" in row:
                    log.warning("riskgate encode refused %s: %s", row.get("id"), row["error"])
                else:
                    yield row
            if process.wait() != 0:
                raise RuntimeError(f"riskgate encode ended with {process.returncode}")
