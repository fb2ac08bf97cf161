"""The pages of the demo with more than one inbox: side by side, a burst, notification settings."""

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.steps import all_done, person, post, thread
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, badge_of, photograph, serious, visiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)


async def test_two_people_on_one_page_hear_each_other(stack: Stack, chromium: Browser) -> None:
    ann, ben = await person(username="ann"), await person(username="ben")
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/side-by-side/", connected=False)
        halves = {name: page.locator(f'.half[data-username="{name}"]') for name in (ann.username, ben.username)}
        for half in halves.values():
            await expect(half.locator("[data-connection]")).to_have_text("connected")
        await halves["ann"].locator("input[name=body]").fill("Can you hear me?")
        await halves["ann"].locator("button").click()
        await expect(halves["ben"].locator(".note")).to_contain_text(["Can you hear me?"])
        await expect(halves["ann"].locator("[data-took]")).to_contain_text("Heard after")
        await photograph(page, "side by side")
        await serious(page, "side by side")


async def test_a_burst_is_followed_by_a_progress_bar(stack: Stack, chromium: Browser) -> None:
    async with visiting(chromium, stack, await person(is_staff=True)) as visitor:
        page = await visitor.open("/operator/")
        await page.fill("#id_recipients", "3000")
        await page.click("text=Start a burst")
        await page.wait_for_selector('[data-burst][data-state="done"]')
        await expect(page.locator("[data-told]")).to_contain_text("3000 of 3000 stored")
        await expect(page.locator(".story")).to_contain_text("expanded: 3000 to tell")
        await photograph(page, "a burst")
        await serious(page, "bursts")


async def test_what_is_muted_in_the_list_is_heard_no_more(stack: Stack, chromium: Browser) -> None:
    ann, ben = await person(), await person()
    place = await thread(ann)
    await post(place, ben, "first")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/inbox/")
        await page.locator("#inbox [data-mute]").click()
        await expect(page.locator("#inbox [data-mute]")).to_have_attribute(
            "title", "Muted. It is heard again on the page “What you hear of”"
        )
        await post(place, ben, "second")
        await all_done()
        await page.goto(stack.web.url + "/settings/")
        await expect(page.locator(".threads")).to_contain_text(place.title)
        await serious(page, "settings")
        await photograph(page, "settings")
        await expect(badge_of(page)).to_have_text("1")
