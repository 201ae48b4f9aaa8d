"""The operator's commands, one file a topic. Each imports what it works with inside the command, so help is fast."""
