"""The pages of the demo with more than one inbox: side by side, a burst, notification settings."""

import pytest
from playwright.async_api import Browser, expect

from clarion.shared.inbox.models import Mute
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, badge_of, photograph, serious, visiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)


async def test_side_by_side_in_browser(stack: Stack, chromium: Browser) -> None:
    """Two users on one page receive each other's messages."""
    ann, ben = await person(username="ann"), await person(username="ben")
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/side-by-side/", connected=False)
        halves = {name: page.locator(f'.half[data-username="{name}"]') for name in (ann.username, ben.username)}
        for half in halves.values():
            await expect(half.locator("[data-connection]")).to_have_text("connected")
        await halves["ann"].locator("input[name=body]").fill("Can you hear me?")
        await halves["ann"].locator("button").click()
        await expect(halves["ben"].locator(".note")).to_contain_text(["Can you hear me?"])
        await expect(halves["ann"].locator("[data-took]")).to_contain_text("Received after")
        await photograph(page, "side by side")
        await serious(page, "side by side")


async def test_switch_of_person(stack: Stack, chromium: Browser) -> None:
    """The menu of the header signs in as somebody else, and the page stays."""
    ann = await person(username="ann")
    await person(username="ben")
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/jobs/")
        await page.locator(".switch summary").click()
        await serious(page, "menu of people")
        await page.locator(".switch").get_by_role("button", name="ben").click()
        await expect(page.locator(".me-name")).to_have_text("ben")
        await expect(page).to_have_url(f"{stack.web.url}/jobs/")


async def test_burst_progress(stack: Stack, chromium: Browser) -> None:
    """The page of a burst shows its progress to the end."""
    async with visiting(chromium, stack, await person(is_staff=True)) as visitor:
        page = await visitor.open("/operator/")
        await page.fill("#id_recipients", "3000")
        await page.click("text=Start a burst")
        await page.wait_for_selector('[data-burst][data-state="done"]')
        await expect(page.locator("[data-told]")).to_contain_text("3000 of 3000 stored")
        await expect(page.locator(".story")).to_contain_text("expanded: 3000 recipients")
        await photograph(page, "a burst")
        await serious(page, "bursts")


async def test_mute_in_list(stack: Stack, chromium: Browser) -> None:
    """A thread muted in the list causes no further notifications."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    await post(place, ben, "first")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/inbox/")
        await page.locator("#inbox [part~=mute]").click()
        await expect(page.locator("#inbox [part=muted]")).to_be_visible()
        await post(place, ben, "second")
        await all_done()
        await page.goto(stack.web.url + "/settings/")
        await expect(page.locator("#preferences [part=topic]")).to_contain_text(place.title)
        await serious(page, "settings")
        await photograph(page, "settings")
        await expect(badge_of(page)).to_have_text("1")


async def test_preferences(stack: Stack, chromium: Browser) -> None:
    """An unchecked group of kinds is muted and a checked one is not, and a muted thread can be unmuted."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    await Mute.objects.acreate(user_id=ann.pk, topic=place.topic)

    def muted() -> set[str | None]:
        return {one.kind or one.topic for one in Mute.objects.filter(user_id=ann.pk)}

    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/settings/")
        votes = page.get_by_label("Votes and accepted answers")
        await expect(votes).to_be_checked()
        async with page.expect_response("**/api/mutes"):
            await votes.uncheck()
        await expect(votes).not_to_be_checked()
        await expect(votes).to_be_focused()
        await until(lambda: muted() == {"VOTE", "ACCEPTED", place.topic}, "not both kinds are muted")
        await votes.check()
        await until(lambda: muted() == {place.topic}, "the kinds are still muted")
        await page.get_by_role("button", name=f"Unmute {place.title}").click()
        await expect(page.locator("#preferences [part=topics]")).to_contain_text("None")
        await post(place, ben, "heard again")
        await expect(badge_of(page)).to_have_text("1")
