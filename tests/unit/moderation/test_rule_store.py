"""Rules in SQLite: limits, both lists, and a cache that is never behind."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from generation.database import in_transaction, open_sqlite
from moderation.rule_store import Added, RuleStore
from moderation.rules import MAX_ALLOWED, MAX_KEYWORDS, KeywordProblem, Rule
from moderation.verdict import Action

HERE, THERE = "discord:1", "slack:T1"
Add = Callable[..., Added | KeywordProblem]


@pytest.fixture
def store() -> RuleStore:
    return RuleStore()


@pytest.fixture
def add(db: Database, store: RuleStore) -> Add:
    def put(keyword: str, effect: Action = Action.HOLD, workspace: str = HERE) -> Added | KeywordProblem:
        return store.add(db, workspace, keyword, effect=effect, actor="mod", now=1)

    return put


def keywords(db: Database, store: RuleStore, workspace: str = HERE) -> list[tuple[str, Action]]:
    ruleset = store.load(db, workspace)
    return [(rule.keyword, rule.effect) for rule in (*ruleset.rules, *ruleset.allow)]


def test_a_rule_counts_from_the_next_look_on_and_in_its_workspace_alone(
    db: Database, store: RuleStore, add: Add
) -> None:
    assert store.load(db, HERE).match("a zog") == ()
    assert add("zog") == Added(Rule(1, "zog", Action.HOLD))
    assert [match.original for match in store.load(db, HERE).match("a zog")] == ["zog"]
    assert store.load(db, THERE).match("a zog") == ()
    assert store.remove(db, HERE, "ZOG") == Rule(1, "zog", Action.HOLD)
    assert store.load(db, HERE).match("a zog") == ()
    assert store.remove(db, HERE, "zog") is None
    assert store.remove(db, HERE, "***") is None


def test_unchanged_rules_are_not_compiled_again(db: Database, store: RuleStore, add: Add) -> None:
    add("zog")
    assert store.load(db, HERE) is store.load(db, HERE)


def test_a_change_by_another_process_counts_too(db: Database, store: RuleStore, add: Add) -> None:
    add("zog")
    store.load(db, HERE)
    other = open_sqlite(Path(db.conn.execute("PRAGMA database_list").fetchone()[2]))
    RuleStore().add(other, HERE, "blim", effect=Action.REJECT, actor="mod", now=2)
    assert keywords(db, store) == [("zog", Action.HOLD), ("blim", Action.REJECT)]
    other.execute("UPDATE filter_rules SET effect = 'hold'")
    assert keywords(db, store)[1] == ("blim", Action.HOLD), "changed by hand"
    other.execute("DELETE FROM filter_rules")
    assert keywords(db, store) == []
    other.close()


def test_a_rollback_leaves_neither_rule_nor_memory_of_it(db: Database, store: RuleStore, add: Add) -> None:
    class Oops(Exception):
        pass

    def work(inside: Database) -> None:
        store.add(inside, HERE, "zog", effect=Action.HOLD, actor="mod", now=1)
        assert keywords(inside, store) == [("zog", Action.HOLD)], "and now it is in the cache"
        assert inside.conn.in_transaction
        raise Oops

    with pytest.raises(Oops):
        in_transaction(db, work)
    assert keywords(db, store) == []
    add("blim")
    assert keywords(db, store) == [("blim", Action.HOLD)]


def test_adding_again_changes_the_effect_or_says_so(db: Database, store: RuleStore, add: Add) -> None:
    add("Zog")
    assert add("zog") is KeywordProblem.DUPLICATE
    assert add("zög", Action.REJECT) == Added(Rule(1, "zög", Action.REJECT), before=Action.HOLD)
    assert keywords(db, store) == [("zög", Action.REJECT)]
    assert add("zog", Action.ALLOW) is KeywordProblem.OTHER_LIST
    add("blim", Action.ALLOW)
    assert add("blim", Action.ALLOW) is KeywordProblem.DUPLICATE
    assert add("blim") is KeywordProblem.OTHER_LIST


def test_what_is_no_keyword_is_not_stored(db: Database, add: Add) -> None:
    assert add("  ") is KeywordProblem.EMPTY
    assert add("***") is KeywordProblem.ONLY_STARS
    assert db["filter_rules"].count == 0
    with pytest.raises(ValueError, match="holds, rejects or allows"):
        add("zog", Action.BLUR)


def test_the_lists_have_room_for_what_automod_has(db: Database, store: RuleStore, add: Add) -> None:
    def fill(inside: Database) -> None:
        inside.conn.executemany(
            "INSERT INTO filter_rules (workspace, keyword, folded, effect, actor, at) VALUES (?, ?, ?, ?, 'mod', 1)",
            [(HERE, f"zog{n}", f"zog{n}", "hold") for n in range(MAX_KEYWORDS)]
            + [(HERE, f"blim{n}", f"blim{n}", "allow") for n in range(MAX_ALLOWED)],
        )

    in_transaction(db, fill)
    assert add("one more") is KeywordProblem.TOO_MANY
    assert add("one more", Action.ALLOW) is KeywordProblem.TOO_MANY
    assert isinstance(add("zog7", Action.REJECT), Added), "changing one needs no room"
    store.remove(db, HERE, "zog7")
    store.remove(db, HERE, "blim7")
    assert isinstance(add("one more"), Added)
    assert isinstance(add("one less", Action.ALLOW), Added)


def test_a_stored_rule_that_cannot_be_read_lets_nothing_pass(db: Database, store: RuleStore) -> None:
    db.execute(
        "INSERT INTO filter_rules (workspace, keyword, folded, effect, actor, at) VALUES (?, '*', '*', 'hold', '', 1)",
        [HERE],
    )
    with pytest.raises(ValueError, match="cannot be read"):
        store.load(db, HERE)


def test_the_cache_stays_small(db: Database, store: RuleStore, add: Add) -> None:
    for number in range(70):
        add("zog", workspace=f"discord:{number}")
        store.load(db, f"discord:{number}")
    # There is no other way to see what is kept.
    assert len(store._cache) == 64
    assert keywords(db, store, "discord:0") == [("zog", Action.HOLD)], "what was dropped is read again"
