"""Cases: the short number a member is told, and what a moderator finds under it.

Owns `cases` and their ids. It must not know rules, sentences or platforms. It never begins or commits.

An id is four to six characters of Crockford's base32 (no I, L, O or U, so it can be read aloud), with a digit and a
letter in it so that it is no word. The prompt of a held or rejected ask is kept under it for thirty days, since such an
ask becomes no request and is stored nowhere else; then the prompt goes and the case stays.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlite_utils import Database

from moderation.audit import verdict_from_json, verdict_to_json
from moderation.normalise import clean
from moderation.verdict import Verdict

KEEP_PROMPT_MS: Final = 30 * 86_400_000

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Eight hundred thousand ids of four characters; longer ones come only when those are getting scarce.
_LENGTHS = (4, 4, 4, 4, 5, 5, 6, 6, 6, 6)


class CaseKind(StrEnum):
    """What the case is about."""

    PROMPT = "prompt"
    IMAGE = "image"
    SANCTION = "sanction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stored case; `at` in ms. `prompt` is None where there was none or it has been deleted since (`purge_at`)."""

    id: str
    workspace: str
    account: str
    kind: CaseKind
    request_id: str | None
    verdict: Verdict | None
    prompt: str | None
    at: int
    purge_at: int | None


def open_case(
    db: Database,
    kind: CaseKind,
    *,
    workspace: str,
    account: str,
    now: int,
    request_id: str | None = None,
    verdict: Verdict | None = None,
    prompt: str | None = None,
) -> str:
    """Store a case and return its id. `prompt` is the cleaned prompt of an ask that was held or rejected.

    A request has one case of a kind: opening it again, because the platform told us twice, returns the first.
    Raises RuntimeError if no free id is found, which takes some hundreds of millions of cases.
    """
    if request_id is not None:
        before = db.execute(
            "SELECT id FROM cases WHERE request_id = ? AND kind = ?", [request_id, kind.value]
        ).fetchone()
        if before is not None:
            return str(before[0])
    for length in _LENGTHS:
        written = db.execute(
            "INSERT INTO cases (id, workspace, account, kind, request_id, verdict, prompt, at, purge_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING id",
            [
                _draw(length),
                workspace,
                account,
                kind.value,
                request_id,
                None if verdict is None else verdict_to_json(verdict),
                prompt,
                now,
                None if prompt is None else now + KEEP_PROMPT_MS,
            ],
        ).fetchone()
        if written is not None:
            return str(written[0])
    raise RuntimeError("no free case id was found")


def find_case(db: Database, workspace: str, case_id: str) -> Case | None:
    """The case with this id in this workspace, however it was typed: small letters, O for 0, I or L for 1."""
    row = db.execute(
        "SELECT id, workspace, account, kind, request_id, verdict, prompt, at, purge_at FROM cases"
        " WHERE workspace = ? AND id = ?",
        [workspace, _as_written(case_id)],
    ).fetchone()
    if row is None:
        return None
    return Case(
        id=row[0],
        workspace=row[1],
        account=row[2],
        kind=CaseKind(row[3]),
        request_id=row[4],
        verdict=None if row[5] is None else verdict_from_json(row[5]),
        prompt=row[6],
        at=row[7],
        purge_at=row[8],
    )


def purge_prompts(db: Database, now: int) -> int:
    """Delete the prompts whose thirty days are over; return how many. To be called now and then, a day is enough."""
    return len(
        db.execute(
            "UPDATE cases SET prompt = NULL WHERE prompt IS NOT NULL AND purge_at <= ? RETURNING id", [now]
        ).fetchall()
    )


def _draw(length: int) -> str:
    while True:
        drawn = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if not drawn.isdigit() and not drawn.isalpha():
            return drawn


def _as_written(typed: str) -> str:
    return clean(typed).upper().translate(str.maketrans("OIL", "011"))
