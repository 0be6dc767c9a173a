"""What the model behind the agent says: a script for the conversation, and one for each subagent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from messages import Block, Call, Json, Message, Say
from stub import Request

Step = Sequence[Block]


@dataclass(frozen=True)
class ToolResult:
    """What the agent learns of a call."""

    text: str
    is_error: bool


@dataclass
class Script:
    """Turn by turn what the model says; the last turn is said for ever. Subagents are known by the prompt they get.

    What stands in `before` happens while the model thinks about the turn of that number (the first is 0).
    """

    steps: list[Step]
    subagents: dict[str, list[Step]] = field(default_factory=dict)
    before: dict[int, Callable[[], None]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Message:
        """The next turn of the conversation that asks."""
        body = request.body
        if not body.get("tools"):
            # A title, a summary: nobody reads it.
            return Message([Say("ok")], model=body["model"])
        steps = self.steps_of(body)
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        if steps is self.steps and turn in self.before:
            self.before[turn]()
        return Message(list(steps[min(turn, len(steps) - 1)]), model=body["model"])

    def steps_of(self, body: Json) -> list[Step]:
        """The script of the conversation that asks."""
        beginning = str(next(message["content"] for message in body["messages"] if message["role"] == "user"))
        later = [str(message["content"]) for message in body["messages"][1:] if message["role"] == "user"]
        said = [beginning, *later[:1]]
        for prompt, steps in self.subagents.items():
            if any(prompt in text for text in said):
                return steps
        return self.steps


def one_call(call: Call) -> Script:
    """An agent that makes one call and is done."""
    return Script([[Say("Let me see."), call], [Say("Done.")]])


def tool_results(bodies: Sequence[Json]) -> dict[str, ToolResult]:
    """By the call's id, what the requests of a session tell the model of each call."""
    blocks = (block for body in bodies for message in body["messages"] for block in blocks_of(message))
    return {
        block["tool_use_id"]: ToolResult(text_of(block.get("content", "")), bool(block.get("is_error")))
        for block in blocks
        if block["type"] == "tool_result"
    }


def blocks_of(message: Json) -> list[Json]:
    """The blocks of a message."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def text_of(content: str | list[Json]) -> str:
    """The text in a tool's result."""
    return content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content)
