"""The database's append-only history."""
