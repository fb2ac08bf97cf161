"""The live edge of the test kit: a page of pytest-django's live server receives in a browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from clarion.testing import live_edge
from dev.programs import CHROMIUM
from tests.acceptance.steps import person, thread
from tests.browser.conftest import ARGUMENTS, PATIENCE_MILLISECONDS, badge_of, visiting
from tests.docs.blocks import blocks_of
from tests.plugin_runs import run
from tests.programs import needed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture
def site(transactional_db: None, live_server: LiveServer, settings: Settings) -> Iterator[Any]:
    """The forum on the live server, with a live edge."""
    with live_edge(live_server.url) as edge:
        settings.FORUM_EDGE_PORT = edge.port  # for its content security policy
        yield SimpleNamespace(web=SimpleNamespace(url=live_server.url))


async def test_page_of_live_server(site: Any, chromium: Browser) -> None:
    """A message that one user writes on a page appears in the bell of another, without a worker."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with visiting(chromium, site, ann) as reader, visiting(chromium, site, ben) as writer:
        page = await reader.open()
        written = await writer.open(place.get_absolute_url())
        await written.fill("#id_body", f"@{ann.username} Good.")
        await written.click("#reply .button")
        await expect(badge_of(page)).to_have_text("1")
        assert reader.said == writer.said == []


#: The fixture of pytest-playwright, with the browser of the system; and the policy of the forum's pages.
CONFTEST = """
import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture
def page(clarion_edge, settings):
    settings.FORUM_EDGE_PORT = clarion_edge.port
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path={path!r}, args={arguments!r})
        yield browser.new_page()
        browser.close()
"""


def test_documented_page_test(django_db_setup: None, tmp_path: Path) -> None:
    """The documented test of a page passes on the forum's."""
    (block,) = blocks_of("test_documented_page_test")
    conftest = CONFTEST.format(path=str(needed(CHROMIUM)), arguments=ARGUMENTS)
    variables = {"CHANNEL_LAYER_URL": os.environ["CHANNEL_LAYER_URL"], "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    output = run(tmp_path, block.text, "--ds=examples.forum.settings", conftest=conftest, **variables)
    assert " 1 passed" in output, output
