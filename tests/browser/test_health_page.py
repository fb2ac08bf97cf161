"""The page of health as an operator sees it, in real Chromium: plots under the policy, an edge drained by a click."""

import re

import pytest
from asgiref.sync import sync_to_async
from axe_playwright_python.async_playwright import Axe
from django.db import connection
from playwright.async_api import Browser, expect

from clarion.pipeline.dashboard import sampling
from clarion.pipeline.outbox import pauses
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, photograph, visiting
from tests.client import connected
from tests.processes import FLOWERS_PASSWORD, Flower

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

PAGE = "/admin/clarion_pipeline/sample/health/"


def spread_over_an_hour() -> None:
    """The samples, as if one had been taken every four minutes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE clarion_sample s SET at = now() - older.steps * interval '4 minutes'
              FROM (SELECT at, row_number() OVER (ORDER BY at DESC) - 1 AS steps FROM clarion_sample) older
             WHERE s.at = older.at
            """
        )


async def test_health_page_in_browser(stack: Stack, chromium: Browser) -> None:
    """The health page shows plots and findings, and its buttons drain an edge and end the drain."""
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
        await sync_to_async(spread_over_an_hour)()
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
            await page.get_by_role("link", name="What to do").last.click()
            await expect(page).to_have_url(re.compile(r"/runbook/#a-kind-is-paused$"))
            await expect(page.get_by_role("heading", name="A kind is paused")).to_be_in_viewport()
            report = await Axe().run(page, context={"include": [["#content-main"]]})
            assert report.violations_count == 0, report.generate_report()
            await photograph(page, "runbook dark")
            await page.locator(".clarion-operations").get_by_role("link", name="Health").click()

            # Edges of other tests may have spoken a moment ago.
            assert stack.edge.popen
            pid = f".{stack.edge.popen.pid}"
            edge = page.locator("section tr", has_text=pid)
            await edge.get_by_role("button", name="Drain").click()
            await page.get_by_role("button", name="Yes").click()
            assert (await anns.next())["type"] == "GOING_AWAY"
            await until(lambda: stack.edge.http("/readyz").status_code == 503, "it is ready")
            await until(
                lambda: any(one.draining and one.name.endswith(pid) for one in sampling.edges() or ()),
                "it does not report",
            )
            await page.reload()
            await expect(edge).to_contain_text("draining")
            await edge.get_by_role("button", name="Accept sockets again").click()
            await until(stack.edge.is_up, "it accepts no sockets")
            # The admin has no icon; nothing else is missed, and no policy was broken.
            assert [line for line in visitor.said if "404 (Not Found)" not in line] == []
        async with visiting(chromium, stack, mia) as visitor:
            page = await visitor.open(PAGE, connected=False)
            await page.set_viewport_size({"width": 1100, "height": 1500})
            await photograph(page, "health")


async def test_flower_pages(stack: Stack, chromium: Browser) -> None:
    """Flower shows tasks and workers."""
    ann, ben = await person(), await person()
    with Flower(**await sync_to_async(on_test_database)()) as flower:
        await until(lambda: flower.hears("browser-worker@test"), "it hears no worker")
        await post(await thread(ann), ben, f"@{ann.username}")
        await all_done()
        await until(lambda: [task for task in flower.tasks() if task["state"] == "SUCCESS"], "no task is shown")
        signed_in = {"username": "clarion", "password": FLOWERS_PASSWORD}
        context = await chromium.new_context(http_credentials=signed_in, viewport={"width": 1280, "height": 600})
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{flower.port}/tasks")
        await expect(page.locator("#tasks-table")).to_contain_text("pipeline.expand")
        await photograph(page, "flower tasks")
        await page.goto(f"http://127.0.0.1:{flower.port}/workers")
        await expect(page.locator("#workers-table")).to_contain_text("browser-worker@test")
        await photograph(page, "flower workers")
        await context.close()
