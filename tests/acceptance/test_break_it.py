"""The card that breaks parts of the stack, in a browser on the stack of `make run`: no break loses a notification."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from dev.ports import free_ports
from dev.programs import CHROMIUM
from dev.stack_config import LISTENERS
from examples.forum.load.recorder import SECONDS
from examples.forum.load.tally import LOST_AFTER_SECONDS
from tests.acceptance.test_demo import Demo, running
from tests.browser.conftest import ARGUMENTS, photograph, serious
from tests.programs import needed

#: Longest wait for a part to work again, and for the end of a load (milliseconds).
REPAIR_MILLISECONDS = 60_000
LOAD_MILLISECONDS = (SECONDS + LOST_AFTER_SECONDS + 30) * 1000

#: Notifications that have to arrive after each break: more than were under way.
MORE = 40

#: More kills than the ends of a process that the runner takes without giving up.
KILLS = 6

#: The line of the runner for each kill.
ASKED = "kill worker-live, as the page of operators asked"

#: By button: the part, and its state while it is broken if that lasts for seconds.
BREAKS = {
    "Kill a worker": ("worker-live", "starting"),
    "Stop Redis": ("valkey", "down"),
    "Freeze the edge": ("edge", "frozen"),
    "Restart Postgres": ("postgres", None),
}


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running(Demo("make run", free_ports(len(LISTENERS)), token="")) as demo:
        yield demo


class Card:
    """The card on the page of mia."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sentence = page.locator(".break-it [data-sentence]")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def part(self, name: str) -> Locator:
        return self.page.locator(f'[data-part="{name}"]')

    def count(self, name: str) -> Locator:
        return self.page.locator(f'[data-count="{name}"]')

    async def counted(self, name: str) -> int:
        return int(await self.count(name).inner_text())

    async def rises(self, before: int) -> None:
        """Wait until MORE were delivered."""
        await self.page.wait_for_function(
            "(least) => Number(document.querySelector('[data-count=delivered]').textContent) >= least",
            arg=before + MORE,
            timeout=REPAIR_MILLISECONDS,
        )

    async def kept_its_promise(self) -> None:
        for name in ("lost", "repeated", "out_of_order"):
            await expect(self.count(name)).to_have_text("0")

    async def load(self) -> None:
        """Start the load, or another one after its end."""
        if await self.button("Start the load").get_attribute("aria-disabled") != "true":
            await self.button("Start the load").click()
            await expect(self.sentence).to_contain_text("The load runs", timeout=REPAIR_MILLISECONDS)


@asynccontextmanager
async def card_of(demo: Demo) -> AsyncIterator[Card]:
    web = f"http://127.0.0.1:{demo.port('web')}"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(needed(CHROMIUM)), args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": 1100, "height": 1000}, color_scheme="dark")
        await page.goto(f"{web}/admin/login/?next=/operator/")
        await page.fill("[name=username]", "mia")
        await page.fill("[name=password]", "clarion-demo")
        await page.click("[type=submit]")
        card = Card(page)
        await expect(card.part("edge")).to_have_text("up")
        yield card
        await chromium.close()


def start_of_postgres(demo: Demo) -> str:
    with psycopg.connect(demo.webs_environment()["DATABASE_URL"]) as connection:
        return str(connection.execute("SELECT pg_postmaster_start_time()").fetchone())


@pytest.mark.timeout(600)
async def test_breaks_under_load(demo: Demo) -> None:
    """Each button breaks its part under a running load, and every notification arrives once and in order."""
    began = start_of_postgres(demo)
    async with card_of(demo) as card:
        for button, (part, state) in BREAKS.items():
            await card.load()
            before = await card.counted("delivered")
            await card.button(button).click()
            if state:
                await expect(card.part(part)).to_have_text(state)
                await card.button(
                    button
                ).focus()  # as a keyboard does: a click would wait until it is no longer disabled
                await card.page.keyboard.press("Enter")
                await expect(card.page.get_by_role("alert")).to_contain_text("is being broken already")
                await photograph(card.page, f"break it {part}")
            await expect(card.part(part)).to_have_text("up", timeout=REPAIR_MILLISECONDS)
            await card.rises(before)
            await card.kept_its_promise()
        await serious(card.page, "break it")
        await expect(card.sentence).to_have_text(re.compile("^The load has ended."), timeout=LOAD_MILLISECONDS)
        await expect(card.count("on_the_way")).to_have_text("0")
        assert await card.counted("delivered") == await card.counted("recorded")
        await card.kept_its_promise()
        await photograph(card.page, "break it")
    assert "worker-live was ended by SIGKILL and is started again" in demo.said()
    assert start_of_postgres(demo) != began


@pytest.mark.timeout(600)
async def test_many_kills(demo: Demo) -> None:
    """More kills by the button than a process may end by itself do not end the demo."""
    earlier = demo.said().count(ASKED)
    async with card_of(demo) as card:
        for _ in range(KILLS):
            await card.button("Kill a worker").click()
            await expect(card.part("worker-live")).not_to_have_text("up")
            await expect(card.part("worker-live")).to_have_text("up", timeout=REPAIR_MILLISECONDS)
        assert demo.said().count(ASKED) == earlier + KILLS
        answer = await card.page.goto(f"http://127.0.0.1:{demo.port('web')}/api/health")
        assert answer
        assert answer.ok
