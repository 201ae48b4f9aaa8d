"""Each workspace's keyword rules: stored, changed, and kept ready for matching.

Owns `filter_rules` and a small cache of compiled rule sets. It must not know prompts, verdicts or platforms. It never
begins or commits: the caller's transaction covers the change together with its audit row.

The cache is keyed by a version that the database itself draws afresh whenever a rule changes, by whatever hand. So a
change counts from the next prompt on, and a change that was rolled back leaves nothing behind.
"""

import threading
from dataclasses import dataclass

from sqlite_utils import Database

from moderation.normalise import clean
from moderation.rules import MAX_ALLOWED, MAX_KEYWORDS, KeywordProblem, Rule, RuleSet, parse
from moderation.verdict import Action

# A thousand keywords take about half a megabyte compiled.
_CACHED_WORKSPACES = 64


@dataclass(frozen=True, slots=True)
class Added:
    """The rule as stored. `before` is the effect it had until now, when the keyword was there with another one."""

    rule: Rule
    before: Action | None = None


class RuleStore:
    """Rules by workspace (`Requester.workspace`). One object serves the whole process; any thread may call it."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[str, RuleSet]] = {}
        self._lock = threading.Lock()

    def load(self, db: Database, workspace: str) -> RuleSet:
        """The workspace's rules as they are now. Raises ValueError when a stored rule cannot be read."""
        row = db.execute("SELECT version FROM filter_versions WHERE workspace = ?", [workspace]).fetchone()
        if row is None:
            return RuleSet()
        version = str(row[0])
        with self._lock:
            known = self._cache.get(workspace)
        if known is not None and known[0] == version:
            return known[1]
        rules = _read(db, workspace)
        # Another connection may have changed the rules between the two statements above. What is kept under this
        # version is then newer than the version says, and the next call, which sees the new version, reads again.
        with self._lock:
            self._cache.pop(workspace, None)
            self._cache[workspace] = (version, rules)
            while len(self._cache) > _CACHED_WORKSPACES:
                del self._cache[next(iter(self._cache))]
        return rules

    def add(
        self, db: Database, workspace: str, keyword: str, *, effect: Action, actor: str, now: int
    ) -> Added | KeywordProblem:
        """Store a keyword, or give a stored one another effect (HOLD and REJECT; ALLOW is the other list).

        `now` is milliseconds since the epoch. Raises ValueError for BLUR, which no keyword has.
        """
        if effect is Action.BLUR:
            raise ValueError("a keyword holds, rejects or allows")
        pattern = parse(keyword)
        if isinstance(pattern, KeywordProblem):
            return pattern
        rules = _read(db, workspace)
        present = _find(rules, pattern.folded)
        if present is not None and present.effect is effect:
            return KeywordProblem.DUPLICATE
        if present is not None and Action.ALLOW in {present.effect, effect}:
            return KeywordProblem.OTHER_LIST
        full = len(rules.allow) >= MAX_ALLOWED if effect is Action.ALLOW else len(rules.rules) >= MAX_KEYWORDS
        if present is None and full:
            return KeywordProblem.TOO_MANY
        row = db.execute(
            "INSERT INTO filter_rules (workspace, keyword, folded, effect, actor, at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (workspace, folded) DO UPDATE"
            " SET keyword = excluded.keyword, effect = excluded.effect, actor = excluded.actor, at = excluded.at"
            " RETURNING id, keyword",
            [workspace, clean(keyword), pattern.folded, effect.name.lower(), actor, now],
        ).fetchone()
        return Added(Rule(row[0], row[1], effect), before=None if present is None else present.effect)

    def remove(self, db: Database, workspace: str, keyword: str) -> Rule | None:
        """Take a keyword away from whichever list it is on; None when it is on neither."""
        pattern = parse(keyword)
        if isinstance(pattern, KeywordProblem):
            return None
        row = db.execute(
            "DELETE FROM filter_rules WHERE workspace = ? AND folded = ? RETURNING id, keyword, effect",
            [workspace, pattern.folded],
        ).fetchone()
        return None if row is None else _rule(row)


def _read(db: Database, workspace: str) -> RuleSet:
    rows = db.execute("SELECT id, keyword, effect FROM filter_rules WHERE workspace = ? ORDER BY id", [workspace])
    rules = [_rule(row) for row in rows.fetchall()]
    return RuleSet(
        rules=tuple(rule for rule in rules if rule.effect is not Action.ALLOW),
        allow=tuple(rule for rule in rules if rule.effect is Action.ALLOW),
    )


def _rule(row: tuple[int, str, str]) -> Rule:
    return Rule(row[0], row[1], Action[row[2].upper()])


def _find(rules: RuleSet, folded: str) -> Rule | None:
    for rule in (*rules.rules, *rules.allow):
        pattern = parse(rule.keyword)
        if not isinstance(pattern, KeywordProblem) and pattern.folded == folded:
            return rule
    return None
