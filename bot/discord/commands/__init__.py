"""The slash commands, one file a command or group, each built from what it is given."""
