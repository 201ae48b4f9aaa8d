"""The table of what each backend needs: complete, and honest about what is installed."""

from typing import get_args

from generation.backends import registry
from generation.catalogue import BackendName
from generation.makers import MAKERS, Maker


def test_every_backend_that_an_entry_may_name_can_be_made() -> None:
    assert set(get_args(BackendName)) == set(MAKERS) == set(registry._FACTORIES)


def test_what_is_not_installed_is_named() -> None:
    maker = Maker(("asyncio", "zorblax", "zorblax.inside"))

    assert maker.lacking == ("zorblax", "zorblax.inside")
    assert not maker.installed
    assert Maker(("asyncio",)).installed
