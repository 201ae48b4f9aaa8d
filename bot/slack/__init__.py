"""Slack: commands by Socket Mode or HTTP, members told in the channel or thread where they asked."""
