"""The words that only Discord needs: descriptions of commands and options, button labels, and a few short answers.

Pure. Descriptions are plain text of at most 100 characters, Discord's limit.
"""

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "imagine": "Draw a picture from your words",
        "quota": "See how many pictures you have left",
        "quota-set": "Set the pictures a day for everyone, a role or a member",
        "quota-grant": "Give a member extra pictures, once",
        "quota-show": "See a member's pictures: used, left, and why",
        "filter": "The words this server holds or rejects in prompts",
        "filter add": "Add a keyword to the filter",
        "filter remove": "Take a keyword out of the filter",
        "filter list": "See the keywords of the filter",
        "filter test": "See what the filter would do with a text; nothing is drawn",
        "filter case": "Look up a case that a member was told",
        "sanction": "Keep a member from asking for pictures",
        "sanction timeout": "Pause a member's picture requests for a while",
        "sanction ban": "Pause a member's picture requests until you lift it",
        "sanction lift": "End a member's pause",
    }
)

OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "imagine prompt": "What you would like to see",
        "imagine model": "Which model draws it; start typing to see more",
        "imagine size": "square, portrait, landscape, or width x height such as 1024x1024",
        "imagine seed": "A number; the same seed and words draw the same picture again",
        "imagine count": "How many pictures, 1 if left out",
        "quota-set pictures": "Pictures a day; leave it out to take the setting back",
        "quota-set who": "A role or a member; leave it out for everyone",
        "quota-grant member": "Who gets the pictures",
        "quota-grant pictures": "How many pictures, on top of the daily ones",
        "quota-grant reason": "Why, for the record",
        "quota-show member": "Whose pictures to look at",
        "filter add keyword": "A word or phrase; * at its beginning or end matches any letters there",
        "filter add effect": "What to do with a prompt that has it; hold if left out",
        "filter remove keyword": "The keyword as the list shows it",
        "filter test text": "A text to try the filter on; only you see it",
        "filter case case": "The case's number, such as 4F2K",
        "sanction timeout member": "Whose requests to pause",
        "sanction timeout minutes": "For how many minutes",
        "sanction timeout reason": "Why; the member sees it",
        "sanction ban member": "Whose requests to pause",
        "sanction ban reason": "Why; the member sees it",
        "sanction lift member": "Whose pause to end",
    }
)

EFFECTS: Mapping[str, str] = MappingProxyType(
    {"hold": "Hold it for a moderator", "reject": "Reject it", "allow": "Always allow it"}
)

CANCEL = "Cancel"


def token_refused() -> str:
    """For the operator: the token is wrong or was taken back."""
    return "Discord refuses the bot token. Copy a new one from the Discord developer portal into DISCORD_TOKEN."


def connection_refused(code: int) -> str:
    """For the operator: the gateway will not have this bot as it is configured; `code` is Discord's close code."""
    return f"Discord refuses the connection (code {code}). Check the bot's settings in the Discord developer portal."


def not_yours() -> str:
    """Somebody else pressed Cancel."""
    return "Only the member who asked can cancel this."


def nothing_to_cancel() -> str:
    """Cancel came too late."""
    return "This is done already, so there is nothing to cancel."


def servers_only() -> str:
    """A command that came from outside a server."""
    return "This works in a server only."


def damaged() -> str:
    """A command that is not what Discord's own description of it says."""
    return "That command did not reach us in one piece. Try it again."


def outdated() -> str:
    """The member's Discord still shows an older form of the command."""
    return "This command has changed. Restart Discord to see its new form, then try again."


def broke(event: str) -> str:
    """Something unexpected; `event` is how the operator finds it in the log."""
    return f"Something went wrong on our side. The operator can find it in the log as {event}."


def choose_somebody() -> str:
    """`/quota-set` with neither a number nor a target."""
    return "Say how many pictures a day, or choose whose setting to take back (@everyone for the server's)."


def in_file() -> str:
    """An answer that is longer than a message may be."""
    return "The whole answer is in the file."


def answered_below() -> str:
    """Stands in a placeholder that can no longer become the answer, since Discord's time for that ran out."""
    return "This took a while, so the answer is a message of its own, further down."


def answered_privately() -> str:
    """Stands in a placeholder for the moment in which the answer is shown to the asker alone."""
    return "Answered privately."


def too_large(most_mib: float) -> str:
    """The pictures are there but Discord does not take files of that size."""
    return f"The picture is larger than the {most_mib:.0f} MiB Discord takes here. Nothing was charged."
