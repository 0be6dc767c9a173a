"""Where a person can be asked, an uncertain call asks, and what the person says counts."""

from __future__ import annotations

import pytest

import reviewer
from agent import Script, one_call
from messages import Say, bash
from session import Home
from stub import Refuse, Reply, serving


def has_run(home: Home) -> bool:
    """Whether the uncertain call did its work."""
    return (home.work / "ran.txt").exists()


@pytest.mark.parametrize("answer", [True, False], ids=["yes", "no"])
def test_an_uncertain_call_asks_the_person(home: Home, uncertain: str, answer: bool) -> None:
    call = bash(uncertain)
    outcome, asked = home.run_with_person(one_call(call), answer)
    assert [question["input"]["command"] for question in asked] == [uncertain]
    assert "riskgate is not sure" in str(asked)
    assert has_run(home) == answer
    assert outcome.result(call).is_error == (not answer)


def test_what_is_certain_asks_nobody(home: Home, dangerous: str) -> None:
    harmless, harmful = bash("echo harmless && touch ran.txt"), bash(dangerous)
    outcome, asked = home.run_with_person(Script([[harmless], [harmful], [Say("Done.")]]), answer=True)
    assert asked == []
    assert has_run(home)
    assert home.is_whole
    assert outcome.result(harmful).is_error


@pytest.mark.parametrize("reply", [reviewer.verdict("ask"), Refuse(529)], ids=["not sure either", "overloaded"])
def test_what_the_reviewer_does_not_settle_asks_the_person(home: Home, uncertain: str, reply: Reply) -> None:
    with serving(lambda request: reply) as stub:
        home.turn_review_on(stub.base_url)
        _, asked = home.run_with_person(one_call(bash(uncertain)), answer=True)
    assert len(asked) == 1
    assert has_run(home)


def test_what_the_reviewer_denies_asks_nobody(home: Home, uncertain: str) -> None:
    with serving(lambda request: reviewer.verdict("deny")) as stub:
        home.turn_review_on(stub.base_url)
        _, asked = home.run_with_person(one_call(bash(uncertain)), answer=True)
    assert asked == []
    assert not has_run(home)
