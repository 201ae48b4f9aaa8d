"""What `tessera doctor` says of Discord and Slack: how things are and, where there is something to do, what.

Pure. Each is a pair (what, do); `do` is empty where nothing needs doing. No token is ever handed in here.
"""

from bot.wording.doctor import AGAIN, NETWORK, Said


def chat_off(secret: str, page: str) -> Said:
    """No token, so this platform is off."""
    return f"Off: {secret} is not set.", f"{page} says how to make one."


def unasked(why: str) -> Said:
    """The platform could not be reached."""
    return f"Its servers cannot be reached: {why}.", NETWORK


def odd_answer(status: int) -> Said:
    """The platform answered with an error of its own."""
    return f"It answered with {status}.", AGAIN


def discord_shape() -> Said:
    """Something else than a bot's token."""
    return (
        "DISCORD_TOKEN does not look like a bot's token.",
        "Copy it from the Developer Portal, under Bot; the client secret and the public key are others.",
    )


def discord_good(name: str) -> Said:
    """Discord knows the bot."""
    return f"The token is accepted; the bot is called {name}.", ""


def discord_refused() -> Said:
    """Discord does not know the token."""
    return "The token is refused.", "Reset it in the Developer Portal, under Bot, and set it anew."


def slack_bot_shape() -> Said:
    """Something else than a bot token."""
    return "SLACK_BOT_TOKEN is no bot token; one begins with xoxb-.", "Copy the Bot User OAuth Token."


def slack_app_shape() -> Said:
    """Something else than an app token."""
    return "SLACK_APP_TOKEN is no app token; one begins with xapp-.", "docs/slack.md says where it is made."


def slack_bot_good(team: str, user: str) -> Said:
    """Slack knows the bot."""
    return f"The bot token is accepted in {team}, as {user}.", ""


def slack_bot_refused(why: str) -> Said:
    """Slack refuses the bot token; `why` is its own word."""
    return (
        f"The bot token is refused ({why}).",
        "Install the app to the workspace again and copy the Bot User OAuth Token.",
    )


def slack_app_good() -> Said:
    """Slack opens a socket."""
    return "The app token is accepted; commands come over Socket Mode.", ""


def slack_app_refused(why: str) -> Said:
    """Slack opens no socket."""
    return (
        f"The app token is refused ({why}).",
        "Generate one with the scope connections:write, and see that Socket Mode is on.",
    )


def slack_http(where: str) -> Said:
    """HTTP mode."""
    return f"Commands come over HTTP at {where}; their signature is checked.", ""


def slack_no_way_in() -> Said:
    """Neither mode is set up."""
    return (
        "Commands have no way in.",
        "Set SLACK_APP_TOKEN (Socket Mode), or SLACK_SIGNING_SECRET and slack.http_port (HTTP mode).",
    )
