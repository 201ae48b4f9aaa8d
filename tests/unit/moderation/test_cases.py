"""Case ids that can be read aloud, and prompts that go after thirty days."""

import secrets
from collections.abc import Iterator

import pytest
from sqlite_utils import Database

from generation.database import in_transaction
from moderation.cases import KEEP_PROMPT_MS, CaseKind, find_case, open_case, purge_prompts
from moderation.verdict import Action, Reason, Verdict

HERE, ZED, NOW = "discord:1", "discord:1:9", 1_800_000_000_000
VERDICT = Verdict.of([Reason(Action.HOLD, "keyword", "3", "The keyword “zog” is in the prompt.")])


def stopped(db: Database, request: str = "discord-5", now: int = NOW) -> str:
    return open_case(
        db,
        CaseKind.PROMPT,
        workspace=HERE,
        account=ZED,
        now=now,
        request_id=request,
        verdict=VERDICT,
        prompt="a zog",
    )


def test_a_case_is_found_as_it_was_opened_in_its_workspace_alone(db: Database) -> None:
    case = find_case(db, HERE, stopped(db))
    assert case is not None
    assert (case.account, case.kind, case.request_id, case.prompt) == (ZED, CaseKind.PROMPT, "discord-5", "a zog")
    assert case.verdict == VERDICT
    assert case.purge_at == NOW + KEEP_PROMPT_MS
    assert find_case(db, "discord:2", case.id) is None
    assert find_case(db, HERE, "0000") is None


def test_a_request_that_comes_twice_has_one_case_of_a_kind(db: Database) -> None:
    first = stopped(db)
    assert stopped(db, now=NOW + 5) == first
    image = open_case(db, CaseKind.IMAGE, workspace=HERE, account=ZED, now=NOW, request_id="discord-5")
    assert image != first
    sanctions = {open_case(db, CaseKind.SANCTION, workspace=HERE, account=ZED, now=NOW) for _ in range(2)}
    assert len(sanctions) == 2


def test_ids_are_short_and_no_words(db: Database) -> None:
    ids = in_transaction(db, lambda inside: {stopped(inside, f"discord-{number}") for number in range(300)})
    assert len(ids) == 300
    for each in ids:
        assert 4 <= len(each) <= 6
        assert set(each) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        assert any(char.isdigit() for char in each)
        assert any(char.isalpha() for char in each)


def test_ids_are_found_however_they_are_typed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, "40F1")
    assert stopped(db) == "40F1"
    for typed in ("40f1", " 4OFI ", "4ofl", "40f1\ud800", "\u200b40f1"):
        assert find_case(db, HERE, typed) is not None
    assert find_case(db, HERE, "\ud800") is None, "half a character is no id, and no error either"


def test_a_taken_id_is_drawn_again_and_longer_when_they_get_scarce(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(monkeypatch, "4F2K")
    assert stopped(db) == "4F2K"
    draw(monkeypatch, "4F2K" * 4 + "4F2KQ")
    assert stopped(db, "discord-6") == "4F2KQ"
    assert find_case(db, HERE, "4F2K") != find_case(db, HERE, "4F2KQ")


def draw(monkeypatch: pytest.MonkeyPatch, characters: str) -> None:
    """Chance is replaced, because a collision cannot be waited for."""
    drawn: Iterator[str] = iter(characters)
    monkeypatch.setattr(secrets, "choice", lambda _: next(drawn))


def test_prompts_go_after_thirty_days_and_the_case_stays(db: Database) -> None:
    old, young = stopped(db), stopped(db, "discord-6", NOW + 1)
    assert purge_prompts(db, NOW + KEEP_PROMPT_MS - 1) == 0
    assert purge_prompts(db, NOW + KEEP_PROMPT_MS) == 1
    first, second = find_case(db, HERE, old), find_case(db, HERE, young)
    assert first is not None
    assert second is not None
    assert (first.prompt, first.verdict, second.prompt) == (None, VERDICT, "a zog")
    assert purge_prompts(db, NOW + KEEP_PROMPT_MS) == 0
