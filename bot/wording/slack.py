"""The sentences that only Slack members read: how to use the commands there, and what stands in the way there.

Pure. Plain text; the Slack adapter escapes it.
"""

from collections.abc import Mapping

CANCEL = "Cancel"
"""The button under a placeholder."""

USAGE: Mapping[str, tuple[str, ...]] = {
    "/imagine": (
        "Say what you would like to see, like this:",
        "/imagine a red boat at dusk --size square --seed 7 --count 2",
        "--model, --size (square, portrait, landscape, or as in 1024x1024), --seed and --count may be left out.",
    ),
    "/quota": (
        "/quota shows what you have left today. For moderators:",
        "/quota show @member",
        "/quota set everyone 20 (or @member, or @usergroup; “default” instead of the number takes it back)",
        "/quota grant @member 10 for the poster contest",
    ),
    "/filter": (
        "For moderators:",
        "/filter add word --effect hold (or reject, or allow; hold if you do not say)",
        "/filter remove word",
        "/filter list",
        "/filter test some text",
        "/filter case 4F2K",
        "A * at the start or end of a word stands for any letters.",
    ),
    "/sanction": (
        "For moderators:",
        "/sanction timeout @member 60 the reason (60 minutes)",
        "/sanction ban @member the reason",
        "/sanction lift @member",
    ),
}
"""What to type, by command."""


def not_a_command(name: str) -> str:
    """Slack sent a command that this installation does not have: its manifest is newer or older."""
    return f"{name} is not one of my commands. There are /imagine, /quota, /filter and /sanction."


def invite_first() -> str:
    """The bot cannot post where the member asked."""
    return (
        "I cannot post in this conversation. Add me with /invite in a channel, or write to me directly. "
        "Nothing was charged."
    )


def slow_but_coming() -> str:
    """The request is safe, but its placeholder could not be posted."""
    return "Your request is in the line, but Slack is slow to show it. The picture will come here."


def not_yours() -> str:
    """Somebody else pressed Cancel."""
    return "Only the member who asked can cancel this."


def nothing_to_cancel() -> str:
    """Cancel came too late."""
    return "This is done already, so there is nothing to cancel."


def cancelling() -> str:
    """Cancel was taken."""
    return "It is being cancelled. Nothing is charged."


def moderator_unconfirmed() -> str:
    """Slack could not be asked whether the member is a moderator."""
    return "Slack did not confirm just now that you are a moderator here. Try again in a minute."


def name_a_member() -> str:
    """A member was written in a form that carries no id."""
    return "Write the member with @ and pick the name from Slack's list, so that I know who is meant."


def name_whom() -> str:
    """As `name_a_member`, where a user group or everyone would do as well."""
    return "Say “everyone”, or write a member or a user group with @ and pick the name from Slack's list."


def not_a_number(what: str, value: str) -> str:
    """An amount is missing or no whole number above zero; `what` says of what ("pictures", "minutes")."""
    return f"“{value}” is not a number of {what}." if value else f"The number of {what} is missing."


def not_an_effect(value: str) -> str:
    """A filter's effect is none there is."""
    return f"A filter can hold, reject or allow; “{value}” is none of these."


def went_wrong() -> str:
    """A bug of ours came in the way."""
    return "Something went wrong on our side with that. The operator can find it in the log."


def unreadable() -> str:
    """Slack's message lacks what every command has."""
    return "Slack sent this command in a form I cannot read. Try again."


def is_done(count: int, *, in_thread: bool) -> str:
    """What is left in the placeholder when the pictures have been posted."""
    what = "picture is" if count == 1 else f"{count} pictures are"
    return f"Done. The {what} {'in the thread of this message' if in_thread else 'below'}."


def told_privately() -> str:
    """What is left in the placeholder when the member alone was told how it ended."""
    return "This request ended without a picture; only the member was told why."


def preparing() -> str:
    """The placeholder of a request whose answer is about to replace it."""
    return "One moment."


def rejected(error: str) -> str:
    """Why Slack refuses the tokens, for the operator; `error` is Slack's own word for it."""
    reasons = {
        "invalid_auth": "Slack does not know this token.",
        "not_authed": "Slack was sent no token.",
        "account_inactive": "The app was removed from the workspace, or its workspace is gone.",
        "token_revoked": "The token was revoked.",
        "token_expired": "The token has expired.",
        "not_allowed_token_type": "The tokens are mixed up: the bot token starts with xoxb-, the app token with xapp-.",
        "missing_scope": "The token lacks a scope; the app manifest in docs/slack-manifest.yaml lists those needed.",
    }
    return f"Slack refused to start: {reasons.get(error, f'it answers “{error}”.')}"


def no_way_in() -> str:
    """Neither mode is configured."""
    return (
        "Slack needs a way to reach this bot: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET and an HTTP "
        "port for HTTP mode."
    )
