"""The pictures of the documentation show the pages as they are."""

import json

import pytest

from tests.browser import pictures


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_not_older_than_its_page(name: str) -> None:
    """No file that a picture shows has changed since it was taken."""
    taken = json.loads(pictures.SOURCES.read_text())
    assert taken[name] == pictures.digest(name), f"docs/images/{name} is out of date: run `make pictures`"
