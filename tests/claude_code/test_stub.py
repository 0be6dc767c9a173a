"""The stub is faithful: the official client reads from it what it was told to say, whole and as a stream."""

from __future__ import annotations

import json

import anthropic
import pytest

from messages import Block, Call, Message, Say, Think
from stub import Cut, Garbage, Refuse, Reply, Request, Silence, serving

ASKING: dict[str, object] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello."}],
}
BLOCKS: list[list[Block]] = [
    [Say("Hello. " * 20)],
    [Say("Grüße, 世界 🦀 — “quoted”\n\n\ttabs")],
    [Call("Bash", {"command": "echo 'ä'", "timeout": 5, "nested": {"list": [1, None, True, 0.5]}})],
    [Call("ListAgents", {})],
    [
        Think("First this, then that. " * 5),
        Say("Both at once."),
        Call("Read", {"file_path": "/a"}),
        Call("Read", {"file_path": "/b"}),
    ],
]


def client(base_url: str) -> anthropic.Anthropic:
    """The official client, which tries nothing twice."""
    return anthropic.Anthropic(api_key="EXAMPLE-key", base_url=base_url, max_retries=0, timeout=5)


@pytest.mark.parametrize("blocks", BLOCKS, ids=lambda blocks: type(blocks[-1]).__name__)
def test_a_message_is_read_alike_whole_and_as_a_stream(blocks: list[Block]) -> None:
    message = Message(blocks)
    with serving(lambda request: message) as stub:
        whole = client(stub.base_url).messages.create(**ASKING)  # type: ignore[call-overload]
        with client(stub.base_url).messages.stream(**ASKING) as stream:  # type: ignore[arg-type]
            events = [event.type for event in stream]
            streamed = stream.get_final_message()
    assert [block.model_dump(exclude_none=True, exclude={"caller"}) for block in whole.content] == [
        block.block() for block in blocks
    ]
    assert [block.to_dict() for block in streamed.content] == [block.to_dict() for block in whole.content]
    assert (streamed.stop_reason, streamed.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert whole.stop_reason == ("tool_use" if isinstance(blocks[-1], Call) else "end_turn")
    assert (events[0], events[-1]) == ("message_start", "message_stop")
    assert events.count("content_block_stop") == len(blocks)


def test_what_was_asked_is_remembered_as_it_came() -> None:
    with serving(lambda request: Message([Say("Hello.")])) as stub:
        client(stub.base_url).messages.create(**ASKING)  # type: ignore[call-overload]
        [received] = stub.received
    assert received.body == ASKING
    assert received.path == "/v1/messages"
    assert "EXAMPLE-key" in received.headers["authorization"]


def test_tokens_are_counted() -> None:
    with serving(lambda request: Message([])) as stub:
        counted = client(stub.base_url).messages.count_tokens(
            model="claude-x", messages=[{"role": "user", "content": "Hi."}]
        )
    assert counted.input_tokens > 0


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_errors_are_the_api_s_own(status: int, error: type[anthropic.APIStatusError], kind: str) -> None:
    with serving(lambda request: Refuse(status, "because", {"retry-after": "7"})) as stub, pytest.raises(error) as raised:
        client(stub.base_url).messages.create(**ASKING)  # type: ignore[call-overload]
    assert raised.value.status_code == status
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"] == {"type": kind, "message": "because"}
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.request_id == "req_stub"


@pytest.mark.parametrize("reply", [Cut(), Silence(30)], ids=["cut", "silence"])
def test_faults_of_the_connection_are_seen_as_such(reply: Reply) -> None:
    with serving(lambda request: reply) as stub, pytest.raises(anthropic.APIConnectionError):
        client(stub.base_url).with_options(timeout=0.5).messages.create(**ASKING)  # type: ignore[call-overload]


def test_garbage_is_no_message() -> None:
    with serving(lambda request: Garbage()) as stub:
        reply = client(stub.base_url).messages.create(**ASKING)  # type: ignore[call-overload]
    assert not isinstance(reply, anthropic.types.Message)


def test_an_answer_may_depend_on_the_question() -> None:
    def echo(request: Request) -> Reply:
        return Message([Say(json.dumps(request.body["messages"]))])

    with serving(echo) as stub:
        reply = client(stub.base_url).messages.create(**ASKING)  # type: ignore[call-overload]
    assert json.loads(reply.content[0].text) == ASKING["messages"]
