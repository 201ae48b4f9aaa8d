"""Commands that do at the command line what moderators do in chat: `quota`, `filter`, `sanction`.

They go through the moderators' desk over the database itself, so they work with the front running or stopped, are
refused and audited alike, and act as `operator-<user>`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import click

from bot.cli.output import as_json, emit
from bot.cli.process import FAILED, OK

if TYPE_CHECKING:
    from bot.desk import ModeratorsDesk
    from bot.services import Actor, Reply, Target
    from generation.ledger import Violation

_EFFECTS = ("hold", "reject", "allow")

workspace_option = click.option(
    "--workspace",
    default="terminal:local",
    show_default=True,
    help="Which server or workspace: discord:<server id>, slack:<team id>.",
)
member_option = click.option("--member", required=True, help="The member's id on their platform.")


@click.group()
def quota_() -> None:
    """How many pictures members may ask for."""


@quota_.command("show")
@workspace_option
@click.option("--member", help="The member's id; at the terminal, you.")
@click.option("--role", "roles", multiple=True, help="An id of a role of theirs; repeatable.")
@as_json
def quota_show(*, workspace: str, member: str | None, roles: tuple[str, ...], json_: bool) -> int:
    """See what a member has left, and why."""
    from bot.terminal.adapter import user_name

    whom = _target(member or user_name(), roles)
    return _at_desk(workspace, lambda desk, actor: desk.quota_show(actor, whom), json_=json_)


@quota_.command("set")
@click.argument("amount")
@workspace_option
@click.option("--everyone", is_flag=True, help="For the whole server.")
@click.option("--role", help="For a role, by its id.")
@click.option("--member", help="For a member, by their id.")
@as_json
def quota_set(*, amount: str, workspace: str, everyone: bool, role: str | None, member: str | None, json_: bool) -> int:
    """Set the pictures a day.

    AMOUNT is a whole number, or `default` to take the setting back.
    """
    from bot.wording import operator as wording
    from generation.quota import Scope

    if sum((everyone, role is not None, member is not None)) != 1:
        raise click.UsageError(wording.SAY_FOR_WHOM)
    if amount != "default" and not amount.isdecimal():
        raise click.UsageError(wording.AMOUNT_OR_DEFAULT)
    scope = Scope.SERVER if everyone else Scope.ROLE if role else Scope.MEMBER
    whom = None if everyone else _target(role or member or "")
    number = None if amount == "default" else int(amount)
    return _at_desk(workspace, lambda desk, actor: desk.quota_set(actor, scope, whom, number), json_=json_)


@quota_.command("grant")
@click.argument("amount", type=int)
@workspace_option
@member_option
@click.option("--reason", default="", help="Why, for the audit log.")
@as_json
def quota_grant(*, amount: int, workspace: str, member: str, reason: str, json_: bool) -> int:
    """Give a member AMOUNT pictures on top, once."""
    whom = _target(member)
    return _at_desk(workspace, lambda desk, actor: desk.quota_grant(actor, whom, amount, reason), json_=json_)


@quota_.command("audit")
@as_json
def quota_audit(*, json_: bool) -> int:
    """Check that the ledger is sound.

    Everything held was settled or released, and nothing was overspent. Exit code 1 if not.
    """
    from dataclasses import asdict

    from bot.wording import operator as wording

    found = [asdict(violation) for violation in asyncio.run(_violations())]
    lines = wording.ledger_broken(found) if found else (wording.LEDGER_SOUND,)
    emit({"ok": not found, "violations": found}, lines, json_=json_)
    return FAILED if found else OK


@click.group()
def filter_() -> None:
    """The words that stop a prompt, as in Discord's AutoMod: cat, cat*, *cat, *cat*."""


@filter_.command("add")
@click.argument("keyword")
@workspace_option
@click.option("--effect", type=click.Choice(_EFFECTS), help="What it does; hold if you do not say.")
@as_json
def filter_add(*, keyword: str, workspace: str, effect: str | None, json_: bool) -> int:
    """Add KEYWORD, or give it another effect."""
    from moderation.verdict import Action

    action = Action[effect.upper()] if effect else None
    return _at_desk(workspace, lambda desk, actor: desk.filter_add(actor, keyword, action), json_=json_)


@filter_.command("remove")
@click.argument("keyword")
@workspace_option
@as_json
def filter_remove(*, keyword: str, workspace: str, json_: bool) -> int:
    """Take KEYWORD away."""
    return _at_desk(workspace, lambda desk, actor: desk.filter_remove(actor, keyword), json_=json_)


@filter_.command("list")
@workspace_option
@as_json
def filter_list(*, workspace: str, json_: bool) -> int:
    """See the keywords and the allowed phrases."""
    return _at_desk(workspace, lambda desk, actor: desk.filter_list(actor), json_=json_)


@filter_.command("test")
@click.argument("text")
@workspace_option
@as_json
def filter_test(*, text: str, workspace: str, json_: bool) -> int:
    """See what the rules would do with TEXT.

    Each place where one fires is shown. Nothing is stored.
    """
    return _at_desk(workspace, lambda desk, actor: desk.filter_test(actor, text), json_=json_)


@filter_.command("case")
@click.argument("case")
@workspace_option
@as_json
def filter_case(*, case: str, workspace: str, json_: bool) -> int:
    """Look up a case that a member was told.

    The stopped prompt is shown as long as it is kept. Looking is audited.
    """
    return _at_desk(workspace, lambda desk, actor: desk.case_show(actor, case), json_=json_)


@click.group()
def sanction_() -> None:
    """Keep a member from asking for pictures, for a while or until it is lifted."""


@sanction_.command("timeout")
@click.argument("minutes", type=int)
@workspace_option
@member_option
@click.option("--reason", default="", help="Why; the member reads it.")
@as_json
def sanction_timeout(*, minutes: int, workspace: str, member: str, reason: str, json_: bool) -> int:
    """Keep a member from asking for so many MINUTES."""
    whom = _target(member)
    return _at_desk(workspace, lambda desk, actor: desk.sanction_timeout(actor, whom, minutes, reason), json_=json_)


@sanction_.command("ban")
@workspace_option
@member_option
@click.option("--reason", default="", help="Why; the member reads it.")
@as_json
def sanction_ban(*, workspace: str, member: str, reason: str, json_: bool) -> int:
    """Keep a member from asking until you lift it."""
    whom = _target(member)
    return _at_desk(workspace, lambda desk, actor: desk.sanction_ban(actor, whom, reason), json_=json_)


@sanction_.command("lift")
@workspace_option
@member_option
@as_json
def sanction_lift(*, workspace: str, member: str, json_: bool) -> int:
    """End a member's timeout or ban."""
    whom = _target(member)
    return _at_desk(workspace, lambda desk, actor: desk.sanction_lift(actor, whom), json_=json_)


def _at_desk(workspace: str, command: "Callable[[ModeratorsDesk, Actor], Awaitable[Reply]]", *, json_: bool) -> int:
    actor = _actor(workspace)

    async def act() -> "Reply":
        async with _desk() as desk:
            return await command(desk, actor)

    reply = asyncio.run(act())
    emit({"ok": reply.ok, "lines": list(reply.lines)}, reply.lines, json_=json_)
    return OK if reply.ok else FAILED


async def _violations() -> "list[Violation]":
    from zoneinfo import ZoneInfo

    from bot.compose import open_database
    from bot.settings import load_settings
    from generation.ledger import Ledger

    settings = load_settings()
    ledger = Ledger(ZoneInfo(settings.quota.timezone), settings.quota.daily_images)
    with open_database(settings) as database:
        return await database.read(ledger.audit)


@contextlib.asynccontextmanager
async def _desk() -> "AsyncIterator[ModeratorsDesk]":
    from bot.compose import open_desk
    from bot.settings import load_settings

    async with open_desk(load_settings()) as desk:
        yield desk


def _actor(workspace: str) -> "Actor":
    from bot.services import Actor
    from bot.terminal.adapter import user_name
    from bot.wording import operator as wording
    from generation.request import Platform, Requester

    platform, _, name = workspace.partition(":")
    if platform not in {each.value for each in Platform} or not name:
        raise click.UsageError(wording.WORKSPACE_FORM)
    user = user_name()
    requester = Requester(platform=Platform(platform), workspace_id=name, user_id=f"operator-{user}")
    return Actor(requester=requester, moderator=True, name=user)


def _target(member: str, roles: tuple[str, ...] = ()) -> "Target":
    from bot.services import Target

    return Target(id=member, label=member, role_ids=roles)
