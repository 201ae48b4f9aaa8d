"""The `tessera` group: which commands there are, and where each is to be found once it is called.

Owns the list with its one-line helps, so that `tessera --help` imports none of them.
"""

import importlib

import click

from bot.cli.output import log_from

_COMMANDS = {
    "run": ("running", "Keep Redis, front and worker up on this machine."),
    "demo": ("showing", "Send one prompt through the whole chain, then stop everything."),
    "imagine": ("asking", "Ask the running front for a picture."),
    "status": ("asking", "What the running front says of itself."),
    "doctor": ("looking", "What is configured, what is missing, what to do."),
    "models": ("looking", "The catalogue: offered or not, and why."),
    "quota": ("moderating", "How many pictures members may ask for."),
    "filter": ("moderating", "The words that stop a prompt."),
    "sanction": ("moderating", "Keep a member from asking."),
    "migrate": ("running", "Bring the database up to date."),
    "bot": ("running", "Run the front alone: the chats, the ledger, delivery."),
    "worker": ("running", "Run a worker alone: it makes the pictures."),
    "bench": ("showing", "Measure, and compare with what is promised."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, the most used first."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"bot.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Configuration: tessera.toml and TESSERA_… variables; `tessera doctor` says what is missing.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more. TESSERA_LOG=debug|info|warning|error does the same.")
@click.version_option(package_name="tessera", message="%(package)s %(version)s")
def root(*, verbose: bool) -> None:
    """A Discord or Slack community makes pictures together, with open and closed models."""
    if verbose:
        import os

        # The children of `tessera run` read it there as well.
        os.environ["TESSERA_LOG"] = "debug"
    log_from("warning")
