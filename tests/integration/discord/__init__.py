"""The Discord adapter through the unmodified discord.py, against the stand-in in `tests.peers.discord`."""
