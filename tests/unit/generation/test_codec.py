"""What travels is validated, versioned, and never more than data."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation import codec
from generation.jobs import deserialize, serialize
from generation.request import GenerationRequest, JobOrder, order_for
from generation.result import Outcome
from tests.making import outcome, request


def test_a_request_and_an_outcome_come_back_as_they_went() -> None:
    assert codec.from_json(GenerationRequest, codec.to_json(request())) == request()
    assert codec.from_json(Outcome, codec.to_json(outcome())) == outcome()


def test_a_job_order_names_neither_member_nor_token() -> None:
    text = codec.to_json(order_for(request(), 1))

    assert "interaction-token" not in text
    assert '"7"' not in text
    assert codec.from_json(JobOrder, text).request_id == "discord-1"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"v": 2}',
        b'{"v": 1, "request_id": 5}',
        b"\xff\xfe",
        pickle.dumps({"v": 1}),
    ],
)
def test_anything_else_is_malformed(bad: bytes) -> None:
    with pytest.raises(codec.Malformed):
        codec.from_json(JobOrder, bad)


def test_the_message_names_the_field_and_never_its_content() -> None:
    data = codec.encode(request()) | {"prompt": ["secret wish"]}

    with pytest.raises(codec.Malformed) as caught:
        codec.decode(GenerationRequest, data)

    assert "prompt" in str(caught.value)
    assert "secret wish" not in str(caught.value)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_arqs_jobs_survive_the_codec(job: dict[str, object]) -> None:
    assert deserialize(serialize(job)) == json.loads(json.dumps(job))


def test_a_pickle_in_redis_is_refused_unread() -> None:
    with pytest.raises(ValueError, match=r".*"):
        deserialize(pickle.dumps({"f": "generate"}))
