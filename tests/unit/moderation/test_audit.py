"""The audit log: what goes in comes out, and nothing changes it."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from generation.database import in_transaction
from moderation.audit import SYSTEM, AuditAction, AuditEntry, entries, record, verdict_from_json, verdict_to_json
from moderation.verdict import Action, Reason, Verdict

HERE = "discord:1"
VERDICT = Verdict.of([Reason(Action.BLUR, "openai", "violence", "seen", 0.7), Reason(Action.HOLD, "keyword", "3")])
SET = AuditEntry(
    at=1, workspace=HERE, actor="discord:1:7", action=AuditAction.QUOTA_SET, subject="role:5", detail={"amount": 60}
)
CHECKED = AuditEntry(
    at=2,
    workspace=HERE,
    actor=SYSTEM,
    action=AuditAction.PROMPT_CHECKED,
    subject="discord:1:9",
    request_id="discord-5",
    case="4F2K",
    verdict=VERDICT,
)


def test_what_was_recorded_is_read_newest_first_and_by_workspace(db: Database) -> None:
    record(db, SET)
    record(db, CHECKED)
    assert entries(db, HERE) == (CHECKED, SET)
    assert entries(db, HERE, request_id="discord-5") == (CHECKED,)
    assert entries(db, HERE, case="4F2K") == (CHECKED,)
    assert entries(db, HERE, most=1) == (CHECKED,)
    assert entries(db, "slack:T1") == ()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'me'", "DELETE FROM audit", "REPLACE INTO audit SELECT * FROM audit"]
)
def test_no_row_can_be_changed_even_by_another_program(db: Database, statement: str) -> None:
    record(db, SET)
    plain = sqlite3.connect(db.conn.execute("PRAGMA database_list").fetchone()[2])
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(statement)
    plain.close()
    assert entries(db, HERE) == (SET,)


def test_a_rollback_takes_the_row_with_the_decision(db: Database) -> None:
    class Oops(Exception):
        pass

    def work(inside: Database) -> None:
        record(inside, SET)
        assert inside.conn.in_transaction
        raise Oops

    with pytest.raises(Oops):
        in_transaction(db, work)
    assert entries(db, HERE) == ()


@given(
    st.lists(
        st.builds(
            Reason,
            action=st.sampled_from(Action),
            detector=st.text(max_size=5),
            category=st.text(max_size=5),
            detail=st.text(max_size=5),
            score=st.none() | st.floats(0, 1),
        ),
        max_size=4,
    ).map(Verdict.of)
)
def test_a_verdict_survives_being_stored(verdict: Verdict) -> None:
    assert verdict_from_json(verdict_to_json(verdict)) == verdict


def test_a_score_that_is_no_number_is_not_stored() -> None:
    with pytest.raises(ValueError, match="JSON"):
        verdict_to_json(Verdict.of([Reason(Action.HOLD, "openai", "violence", score=float("nan"))]))
