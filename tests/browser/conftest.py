"""Real Chromium against the real stack: web, worker, beat of the forum's jobs, edge, each a process of its own."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from axe_playwright_python.async_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client as DjangoClient
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from dev.programs import CHROMIUM
from tests.acceptance.conftest import on_test_database
from tests.processes import Edge, Web, Worker
from tests.programs import needed

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts" / "browser"

#: Without a screen, without a graphics card, and without a word to anybody but the pages.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--disable-features=LocalNetworkAccessChecks",  # a page that a test answers counts as one of the internet
]  # fmt: skip

#: Longest wait for something to show (milliseconds).
PATIENCE_MILLISECONDS = 60_000


class Stack:
    """The forum and its edge."""

    def __init__(self, name: str, **environment: str) -> None:
        env = on_test_database()
        self.edge = Edge(f"{name}-edge", **{"CLARION_DRAIN_SECONDS": "0", **environment, **env})
        self.worker = Worker(f"{name}-worker", queues="events,bursts,maintenance,retention,jobs", **env)
        self.web = Web(f"{name}-web", self.edge, **env)


@pytest.fixture(scope="module")
def stack(django_db_setup: None) -> Iterator[Stack]:
    made = Stack("browser")
    origin = {"CLARION_ALLOWED_ORIGINS": made.web.url}
    made.edge.environment |= origin
    with made.edge, made.worker, made.web:
        yield made


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    path = needed(CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(path), args=ARGUMENTS)
        yield browser
        await browser.close()


class Visitor:
    """A person in a browser of their own."""

    def __init__(self, context: BrowserContext, user: User, base: str) -> None:
        self.context = context
        self.user = user
        self.base = base
        self.said: list[str] = []

    async def open(self, path: str = "/", *, connected: bool = True) -> Page:
        page = await self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        await page.goto(self.base + path)
        if connected:
            await self.state(page, "connected")
        return page

    async def state(self, page: Page, state: str) -> None:
        await page.wait_for_selector(f'#connection[data-state="{state}"]')

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(message.text)


@asynccontextmanager
async def visiting(browser: Browser, stack: Stack, user: User, **options: Any) -> AsyncIterator[Visitor]:
    """`user`, signed in, in a browser of their own; an error on the console is a failure."""
    cookies = await sync_to_async(signed_in)(user)
    context = await browser.new_context(**{"viewport": {"width": 1100, "height": 800}, **options})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    await context.add_cookies([{"name": name, "value": value, "url": stack.web.url} for name, value in cookies.items()])
    visitor = Visitor(context, user, stack.web.url)
    yield visitor
    await context.close()


def signed_in(user: User) -> dict[str, str]:
    browser = DjangoClient()
    browser.force_login(user)
    return {"sessionid": browser.cookies["sessionid"].value}


async def photograph(page: Page, name: str) -> None:
    """Take a screenshot for people."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png")


def badge_of(page: Page) -> Any:
    return page.locator("#bell [part~=badge]")


async def serious(page: Page, where: str) -> None:
    """Nothing that axe finds serious, once animations have ended."""
    await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))")
    found = (await Axe().run(page)).response["violations"]
    worst = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert worst == [], f"{where}: {json.dumps(worst, indent=1)}"
