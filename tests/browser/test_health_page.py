"""The page of health as an operator sees it, in real Chromium: plots under the policy, an edge drained by a click."""

import pytest
from asgiref.sync import sync_to_async
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from pipeline.health import sampling
from pipeline.outbox import pauses
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, photograph, visiting
from tests.client import connected

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

PAGE = "/admin/outbox/sample/"


async def test_an_operator_sees_how_it_is_and_drains_an_edge(stack: Stack, chromium: Browser) -> None:
    mia = await person(is_staff=True, is_superuser=True)
    ann, ben = await person(), await person()
    place = await thread(ann)
    await until(sampling.edges, "no edge reports")
    async with connected(stack.edge.url, ann) as anns:
        for _ in range(12):
            await sync_to_async(sampling.sample)()
            await post(place, ben, f"@{ann.username}")
            await anns.changes(1)
        await all_done()
        await sync_to_async(sampling.sample)()
        await sync_to_async(pauses.pause)("REPLY", by="mia")
        async with visiting(chromium, stack, mia, color_scheme="dark") as visitor:
            page = await visitor.open(PAGE, connected=False)
            await expect(page.locator("svg.clarion-plot")).to_have_count(5)
            drawn = page.locator("svg.clarion-plot polyline.line").first
            assert await drawn.evaluate("line => getComputedStyle(line).stroke") != "none"
            await expect(page.locator(".findings")).to_contain_text("The kind REPLY is paused")
            report = await Axe().run(page, context={"include": [["#content-main"]]})
            assert report.violations_count == 0, report.generate_report()
            await photograph(page, "health dark")

            edge = page.locator("section", has=page.locator("#edges"))
            await edge.get_by_role("button", name="Drain").click()
            assert (await anns.next())["type"] == "GOING_AWAY"
            await until(lambda: stack.edge.http("/readyz").status_code == 503, "it is ready")
            await until(lambda: [one for one in sampling.edges() or () if one.draining], "it does not report")
            await page.reload()
            await expect(edge).to_contain_text("drains")
            await edge.get_by_role("button", name="Take sockets again").click()
            await until(stack.edge.is_up, "it takes no sockets again")
            # The admin has no icon; nothing else is missed, and no policy was broken.
            assert [line for line in visitor.said if "404 (Not Found)" not in line] == []
        async with visiting(chromium, stack, mia) as visitor:
            page = await visitor.open(PAGE, connected=False)
            await page.set_viewport_size({"width": 1100, "height": 1500})
            await photograph(page, "health")
