"""The database's append-only history: one set an owning domain, applied in this order.

Owns the order and `apply_all`. It must not import any of our other packages: a migration is frozen, our code is not.
Each file also works alone, for operators: `sqlite-utils migrate tessera.db migrations/quota.py --list`.
"""

from sqlite_utils import Database, Migrations

from migrations.generation import migrations as generation
from migrations.moderation import migrations as moderation
from migrations.quota import migrations as quota

SETS: tuple[Migrations, ...] = (generation, quota, moderation)


def pending(db: Database) -> list[str]:
    """The migrations not yet applied, as `set:name`."""
    return [f"{each.name}:{migration.name}" for each in SETS for migration in each.pending(db)]


def apply_all(db: Database) -> list[str]:
    """Bring the database up to date; return what was applied, as `set:name`. Doing so again changes nothing."""
    todo = pending(db)
    for each in SETS:
        each.apply(db)
    return todo
