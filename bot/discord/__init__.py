"""The Discord adapter: slash commands in, pictures out, through discord.py. Knows nothing of Slack or the terminal."""
