"""Who people are in a workspace: their names, who moderates, and which user groups they are in.

Owns the questions to `users.info` and `usergroups.list` and how long an answer may be reused. A moderator is a
workspace admin or owner, or somebody the operator lists. Roles, as the quota rules know them, are Slack's user groups
and nothing else. It must not decide what a moderator may do.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import CALL_ERRORS, code

log = logging.getLogger(__name__)

MODERATOR_FRESH_MS = 60_000
"""A moderator who is no longer one keeps the commands for at most this long."""

_NAME_FRESH_MS = 3_600_000
_GROUPS_FRESH_MS = 300_000
_MOST_PEOPLE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member as `users.info` described them at `at` (ms)."""

    name: str
    moderates: bool
    at: int


class Directory:
    """Answers from Slack, kept for a while."""

    def __init__(self, client: AsyncWebClient, now: Callable[[], int], moderator_ids: tuple[str, ...] = ()) -> None:
        """Take a client that gives up soon, a clock in ms, and the ids the operator lists as moderators.

        Members wait for these answers, and each has a way to do without.
        """
        self._client, self._now, self._listed = client, now, frozenset(moderator_ids)
        self._people: dict[str, Person] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._groups_until = 0
        self._asking = asyncio.Lock()

    async def moderates(self, user_id: str) -> bool | None:
        """Whether a member moderates, not older than a minute; None when Slack could not be asked."""
        if user_id in self._listed:
            return True
        person = await self._person(user_id, MODERATOR_FRESH_MS)
        return None if person is None else person.moderates

    async def name(self, user_id: str) -> str:
        """What a member is called, if need be an old answer; empty when Slack never answered."""
        person = await self._person(user_id, _NAME_FRESH_MS) or self._people.get(user_id)
        return "" if person is None else person.name

    async def role_ids(self, user_id: str) -> tuple[str, ...]:
        """The ids of a member's user groups; none where the scope or the paid plan for them is missing."""
        async with self._asking:
            if self._now() >= self._groups_until:
                await self._ask_groups()
        return tuple(sorted(group for group, users in self._groups.items() if user_id in users))

    async def _person(self, user_id: str, fresh_ms: int) -> Person | None:
        known = self._people.get(user_id)
        if known is not None and self._now() - known.at < fresh_ms:
            return known
        try:
            user = (await self._client.users_info(user=user_id)).get("user") or {}
        except CALL_ERRORS as error:
            log.warning("users.info did not answer: %s", code(error))
            return None
        profile = user.get("profile") or {}
        moderates = any(user.get(right) for right in ("is_admin", "is_owner", "is_primary_owner"))
        if len(self._people) >= _MOST_PEOPLE:
            self._people.clear()
        self._people[user_id] = Person(
            name=str(profile.get("display_name") or profile.get("real_name") or user.get("name") or ""),
            moderates=moderates and not user.get("deleted"),
            at=self._now(),
        )
        return self._people[user_id]

    async def _ask_groups(self) -> None:
        self._groups_until = self._now() + _GROUPS_FRESH_MS
        try:
            answer = await self._client.usergroups_list(include_users=True)
        except CALL_ERRORS as error:
            # Free workspaces have no user groups, and the scope may not be given: members then simply have no roles.
            log.warning("usergroups.list did not answer, members count as having no roles: %s", code(error))
            return
        groups = answer.get("usergroups") or []
        self._groups = {str(group["id"]): frozenset(group.get("users") or ()) for group in groups}
