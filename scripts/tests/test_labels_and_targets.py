"""Label order, and how labels and weaker words become targets."""

import numpy as np
import pytest

from riskpipe.labels import DENY, EFFECTS, INJECTION, N_LOGITS, N_QUESTIONS, STOP, check_manifest_labels, manifest_labels
from riskpipe.records import Label, Record
from riskpipe.targets import questions_of, target_of, weak_target
from riskpipe.trust import Trust

NO_LABELS = Trust.measure([], {})


def record(**changes: object) -> Record:
    values = {"id": "x", "tool": "Bash", "input": {"command": "ls"}, "context": {}, "source": "s", "kind": "k", "group": "g"}
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def test_counts_are_the_contract() -> None:
    assert (N_LOGITS, N_QUESTIONS, len(EFFECTS)) == (23, 21, 14)


def test_a_manifest_with_another_order_is_refused() -> None:
    labels = manifest_labels()
    check_manifest_labels(labels)
    labels["effects"].reverse()
    with pytest.raises(ValueError, match="effects"):
        check_manifest_labels(labels)


def test_a_label_answers_every_question() -> None:
    answers = questions_of(Label(risk=2, permission="external", effects=frozenset({"network"}), injection=0))
    assert answers[STOP] == answers[DENY] == 1
    assert answers[2:6].tolist() == [1, 1, 1, 0]
    assert answers[6 + EFFECTS.index("network")] == 1
    assert answers[INJECTION] == 0


def test_a_text_is_judged_for_injection_only() -> None:
    target = target_of(record(tool="text"), Label(2, "observe", injection=1))
    assert np.flatnonzero(target.weight).tolist() == [INJECTION]
    assert not target.judged


def test_risk_and_permission_survive_the_round_trip() -> None:
    for risk in range(3):
        target = target_of(record(), Label(risk, "system"))
        assert (target.risk, target.permission, target.judged) == (risk, 2, True)


def test_a_source_that_says_nothing_gives_no_target() -> None:
    assert weak_target(record(kind="shell_unlabelled"), NO_LABELS) is None


def test_a_benign_session_is_a_weak_allow() -> None:
    target = weak_target(record(kind="agent_real", natural_label="benign"), NO_LABELS)
    assert target is not None
    assert target.wanted[STOP] < 0.1
    assert 0 < target.weight[STOP] < 1
    assert not target.judged


def test_labels_decide_how_far_a_source_is_believed() -> None:
    attacks = [record(id=f"a-{n}", kind="risky_cmd", natural_label="risky") for n in range(200)]
    labels = {attack.id: Label(2 if number % 2 else 0, "system") for number, attack in enumerate(attacks)}
    half = weak_target(attacks[0], Trust.measure(attacks, labels))
    assert half is not None
    assert abs(half.wanted[STOP] - 0.5) < 0.1
    assert half.weight[STOP] < 0.1
    all_dangerous = weak_target(attacks[0], Trust.measure(attacks, {a.id: Label(2, "system") for a in attacks}))
    assert all_dangerous is not None
    assert all_dangerous.wanted[DENY] > 0.9
    assert all_dangerous.weight[DENY] > 0.5
