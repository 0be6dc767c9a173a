"""What the Messages API says: replies of the model, as one object or as a stream of events, and errors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

NUMBERS = itertools.count(1)
# Small enough that every block arrives in several pieces, as real ones do.
PIECE = 24


@dataclass(frozen=True)
class Say:
    """Text."""

    text: str

    def block(self) -> Json:
        """The whole block."""
        return {"type": "text", "text": self.text}

    def start(self) -> Json:
        """The block as a stream begins it."""
        return {"type": "text", "text": ""}

    def deltas(self) -> Iterator[Json]:
        """The rest of it, piece by piece."""
        return ({"type": "text_delta", "text": piece} for piece in pieces(self.text))


@dataclass(frozen=True)
class Think:
    """Thinking, which comes before everything else."""

    thinking: str
    signature: str = "c2lnbmF0dXJl"

    def block(self) -> Json:
        """The whole block."""
        return {"type": "thinking", "thinking": self.thinking, "signature": self.signature}

    def start(self) -> Json:
        """The block as a stream begins it."""
        return {"type": "thinking", "thinking": "", "signature": ""}

    def deltas(self) -> Iterator[Json]:
        """The rest of it, piece by piece."""
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(self.thinking))
        yield {"type": "signature_delta", "signature": self.signature}


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    tool: str
    input: Json
    id: str = field(default_factory=lambda: f"toolu_{next(NUMBERS):024}")

    def block(self) -> Json:
        """The whole block."""
        return {"type": "tool_use", "id": self.id, "name": self.tool, "input": self.input}

    def start(self) -> Json:
        """The block as a stream begins it."""
        return {**self.block(), "input": {}}

    def deltas(self) -> Iterator[Json]:
        """The rest of it, piece by piece."""
        # The first piece of arguments is empty, as the real API's is.
        texts = itertools.chain([""], pieces(json.dumps(self.input)))
        return ({"type": "input_json_delta", "partial_json": piece} for piece in texts)


Block = Say | Think | Call


def bash(command: str) -> Call:
    """A call of the shell."""
    return Call("Bash", {"command": command, "description": "Does something"})


def pieces(text: str) -> Iterator[str]:
    """The text in short pieces."""
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


@dataclass(frozen=True)
class Message:
    """One reply of the model."""

    blocks: list[Block]
    model: str = "claude-opus-5-5"
    stop_reason: str | None = None
    input_tokens: int = 100

    def reason(self) -> str:
        """Why the model stopped."""
        calls = any(isinstance(block, Call) for block in self.blocks)
        return self.stop_reason or ("tool_use" if calls else "end_turn")

    def usage(self, output_tokens: int) -> Json:
        """What it cost."""
        cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        return {"input_tokens": self.input_tokens, "output_tokens": output_tokens, **cache, "service_tier": "standard"}

    def head(self) -> Json:
        """Everything but what the model says."""
        head = {"id": f"msg_{next(NUMBERS):024}", "type": "message", "role": "assistant", "model": self.model}
        return {**head, "content": [], "stop_reason": None, "stop_sequence": None}

    def output_tokens(self) -> int:
        """A plausible number."""
        return 1 + sum(len(json.dumps(block.block())) for block in self.blocks) // 4

    def json(self) -> Json:
        """As one object."""
        content = [block.block() for block in self.blocks]
        end = {"content": content, "stop_reason": self.reason(), "usage": self.usage(self.output_tokens())}
        return {**self.head(), **end}

    def events(self) -> Iterator[tuple[str, Json]]:
        """As a stream: the name of each event and its data."""
        yield "message_start", {"message": {**self.head(), "usage": self.usage(1)}}
        yield "ping", {}
        for index, block in enumerate(self.blocks):
            yield "content_block_start", {"index": index, "content_block": block.start()}
            yield from (("content_block_delta", {"index": index, "delta": delta}) for delta in block.deltas())
            yield "content_block_stop", {"index": index}
        end = {"stop_reason": self.reason(), "stop_sequence": None}
        yield "message_delta", {"delta": end, "usage": {"output_tokens": self.output_tokens()}}
        yield "message_stop", {}

    def stream(self) -> Iterator[bytes]:
        """The events as they go over the wire."""
        for name, data in self.events():
            yield f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def error_body(status: int, message: str) -> bytes:
    """The body of an error."""
    error = {"type": KINDS[status], "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": f"req_{next(NUMBERS):024}"}).encode()
