"""A local server that stands in for Slack, spoken to by the real slack_bolt and slack_sdk.

Speaks the Web API, Socket Mode, the upload flow and response URLs, refuses what Slack refuses, and can be told to fail.
Tests use `SlackPeer`; `python -m tests.peers.slack` starts one by hand with a control surface under /_peer/.
"""

from tests.peers.slack.peer import SlackPeer
from tests.peers.slack.state import Channel, User, UserGroup

__all__ = ["Channel", "SlackPeer", "User", "UserGroup"]
