"""Values the tests need again and again: asks, requests, outcomes. Everything can be overridden by name."""

import hashlib
from dataclasses import replace
from typing import Any

from generation.request import Ask, GenerationParams, GenerationRequest, Platform, ReplyTo, Requester
from generation.result import MadeBy, Outcome, OutcomeKind, ProducedImage, TimelineEvent
from moderation.verdict import Action, Reason, Verdict

NOW = 1_795_000_000_000

MEMBER = Requester(platform=Platform.DISCORD, workspace_id="100", user_id="7", role_ids=("55",))
REPLY = ReplyTo(platform=Platform.DISCORD, channel_id="200", placeholder_id="300", token="interaction-token")
PARAMS = GenerationParams(width=128, height=128, num_images=1, seed=7)


def ask(**changes: Any) -> Ask:
    made = Ask(id="discord-1", requester=MEMBER, reply_to=REPLY, prompt="a red boat", created_at=NOW)
    return replace(made, **changes)


def request(request_id: str = "discord-1", **changes: Any) -> GenerationRequest:
    made = GenerationRequest(
        id=request_id,
        requester=MEMBER,
        reply_to=REPLY,
        model="starter",
        pool="gpu",
        prompt="a red boat",
        params=PARAMS,
        created_at=NOW,
    )
    return replace(made, **changes)


def verdict(action: Action = Action.ALLOW) -> Verdict:
    return Verdict.of([Reason(action, "test", "test", "the test says so")])


def image(data: bytes = b"picture", action: Action = Action.ALLOW, request_id: str = "discord-1") -> ProducedImage:
    sha256 = hashlib.sha256(data).hexdigest()
    return ProducedImage(
        key=f"{request_id}/1-{sha256[:16]}.png",
        sha256=sha256,
        media_type="image/png",
        width=128,
        height=128,
        size=len(data),
        seed=7,
        verdict=verdict(action),
    )


def outcome(request_id: str = "discord-1", **changes: Any) -> Outcome:
    made = Outcome(
        request_id=request_id,
        attempt=1,
        kind=OutcomeKind.PRODUCED,
        worker="worker-1",
        finished_at=NOW + 3000,
        images=(image(request_id=request_id),),
        made_by=MadeBy(model="starter", title="Tessera Starter", backend="diffusers"),
        seconds=3.0,
        timeline=(TimelineEvent(name="started", at=NOW + 100),),
    )
    return replace(made, **changes)
