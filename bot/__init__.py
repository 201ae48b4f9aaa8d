"""The people-facing processes."""
