"""The list of the elements, as people know inboxes: marks and actions of rows, by mouse, touch and keyboard."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import Browser, Page, expect

from clarion.shared.inbox.models import Mute, Notification
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, photograph, serious, visiting
from tests.browser.elements import BELL, connected, open_page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

LIST = "<clarion-inbox {attributes}></clarion-inbox>"
STYLES = "html { background: Canvas; color: CanvasText; color-scheme: light dark; }"
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
#: The number of rows with a dot.
DOTS = """
[...document.querySelector("clarion-inbox").shadowRoot.querySelectorAll("[part~=row]")]
  .filter((row) => getComputedStyle(row, "::before").content !== "none").length
"""


async def mentioned(*texts: str) -> tuple[User, User, Any]:
    """Return a user whom another one has mentioned in a thread with each of these texts, oldest first, and both."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    for text in texts:
        await post(place, ben, f"@{ann.username} {text}")
        await all_done()
    return ann, ben, place


def rows(page: Page) -> Any:
    return page.locator("clarion-inbox [part~=row]")


def toast(page: Page) -> Any:
    return page.locator("clarion-inbox [part=toast]").first


def kept(user: User) -> int:
    """The number of the user's notifications that are not deleted."""
    return Notification.objects.filter(recipient_id=user.pk, deleted_at=None).count()


def topics(user: User) -> list[str | None]:
    """The topics that the user has muted."""
    return list(Mute.objects.filter(user_id=user.pk, kind=None).values_list("topic", flat=True))


def action(page: Page, name: str, row: int = 0) -> Any:
    return rows(page).nth(row).locator(f"[part~={name}]")


@SCHEMES
async def test_dot_means_unread(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """Rows with a dot are the unread ones, and the actions of a row are visible on hover and focus only."""
    ann, _, _ = await mentioned("one", "two")
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        await expect(rows(page)).to_have_count(2)
        assert await page.evaluate(DOTS) == 2
        await expect(action(page, "actions")).to_have_css("opacity", "0")
        await rows(page).first.hover()
        await expect(action(page, "actions")).to_have_css("opacity", "1")
        await expect(action(page, "actions", 1)).to_have_css("opacity", "0")
        await photograph(page, f"row with actions {scheme}")
        await serious(page, f"actions on hover {scheme}")
        await action(page, "delete", 1).focus()
        await expect(action(page, "actions", 1)).to_have_css("opacity", "1")
        await page.locator("clarion-inbox [part=read-all]").click()
        await expect(page.locator("clarion-inbox [part~=row-unread]")).to_have_count(0)
        assert await page.evaluate(DOTS) == 0
        await serious(page, f"all read {scheme}")
        assert visitor.said == []


@SCHEMES
async def test_actions_on_touch(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """On a screen without hover a button of the row shows its actions with their names."""
    ann, _, _ = await mentioned("one")
    look = {"has_touch": True, "is_mobile": True, "viewport": {"width": 375, "height": 700}}
    async with visiting(chromium, stack, ann, color_scheme=scheme, **look) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        await expect(action(page, "toggle")).to_be_hidden()
        await action(page, "more").tap()
        await expect(action(page, "more")).to_have_attribute("aria-expanded", "true")
        await expect(action(page, "toggle")).to_contain_text("Mark read")
        await photograph(page, f"actions on touch {scheme}")
        await serious(page, f"actions on touch {scheme}")
        await action(page, "toggle").tap()
        await expect(page.locator("clarion-inbox [part~=row-unread]")).to_have_count(0)
        await expect(action(page, "toggle")).to_contain_text("Mark unread")
        assert visitor.said == []


async def test_undo_of_delete(stack: Stack, chromium: Browser) -> None:
    """A deleted row is gone immediately, Undo brings it back, and only without Undo the server deletes it."""
    ann, _, _ = await mentioned("one", "two", "three")
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, LIST + BELL, css=STYLES)
        await connected(page)
        badge = page.locator("clarion-bell [part~=badge]")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.method) if request.method == "DELETE" else None)
        await action(page, "delete").click()
        await expect(rows(page)).to_have_count(2)
        await expect(badge).to_have_text("2")
        await expect(toast(page)).to_contain_text("Deleted.")
        await serious(page, "undo of a delete")
        await photograph(page, "undo of a delete")
        await page.locator("clarion-inbox [part=undo]").first.click()
        await expect(rows(page)).to_have_count(3)
        await expect(badge).to_have_text("3")
        assert asked == []
        await action(page, "delete").click()
        async with page.expect_request(lambda request: request.method == "DELETE"):
            await action(page, "delete").click()  # the next message ends the first one's time
        await until(lambda: kept(ann) == 2, "the first one is not deleted")
        async with page.expect_request(lambda request: request.method == "DELETE"):
            pass  # the time ends
        await until(lambda: kept(ann) == 1, "the second one is not deleted")
        await expect(rows(page)).to_have_count(1)
        assert visitor.said == []


async def test_delete_and_leave(stack: Stack, chromium: Browser) -> None:
    """Leaving the page during the time to undo deletes."""
    ann, _, _ = await mentioned("one", "two")
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, LIST)
        await connected(page, "clarion-inbox")
        await action(page, "delete").click()
        await page.goto("about:blank")
        await until(lambda: kept(ann) == 1, "nothing is deleted")


async def test_delete_and_growth(stack: Stack, chromium: Browser) -> None:
    """A row into which another event collapses during the time to undo is not deleted."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    await post(place, ben, "one")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, LIST)
        await connected(page, "clarion-inbox")
        await action(page, "delete").click()
        await expect(rows(page)).to_have_count(0)
        await post(place, ben, "two")
        await expect(rows(page)).to_contain_text("two")
        await expect(toast(page)).not_to_contain_text("Deleted.")
        assert await sync_to_async(kept)(ann) == 2  # two rows are one notification


@SCHEMES
async def test_mute_and_undo(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """Muting marks every row of the topic; Undo in the message and Unmute at the row end it."""
    ann, ben, place = await mentioned("one", "two")
    await post(await thread(ann), ben, f"@{ann.username} elsewhere")
    await all_done()
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        muted = page.locator("clarion-inbox [part=muted]")
        shown = [await muted.nth(row).is_visible() for row in range(3)]
        assert shown == [False, False, False]
        await action(page, "mute", 1).click()
        await expect(toast(page)).to_contain_text("Topic muted.")
        await expect(muted.nth(1)).to_be_visible()
        await expect(muted.nth(2)).to_be_visible()
        await expect(muted.nth(0)).to_be_hidden()
        await expect(action(page, "mute", 2)).to_have_attribute("title", "Unmute")
        await serious(page, f"muted {scheme}")
        await photograph(page, f"muted {scheme}")
        assert await sync_to_async(topics)(ann) == [place.topic]
        await page.locator("clarion-inbox [part=undo]").click()
        await until(lambda: topics(ann) == [], "Undo has not unmuted")
        await expect(muted.nth(1)).to_be_hidden()
        await action(page, "mute", 1).click()
        await until(lambda: topics(ann) == [place.topic], "the topic is not muted")
        await page.reload()
        await expect(muted.nth(2)).to_be_visible()
        await action(page, "mute", 2).click()
        await until(lambda: topics(ann) == [], "Unmute has not unmuted")
        await expect(muted.nth(1)).to_be_hidden()
        assert visitor.said == []


OFFLINE = "Not saved: you are offline."
PREFERENCES = '<clarion-preferences {attributes} kinds="MENTION"></clarion-preferences>'


@SCHEMES
async def test_failed_actions(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """An action that is not saved says so with the reason, and its row is as it was."""
    ann, _, _ = await mentioned("one", "two")
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        trouble = page.locator("clarion-inbox [part=trouble]")
        await expect(rows(page)).to_have_count(2)
        await visitor.context.set_offline(True)
        await action(page, "mute").click()
        await expect(trouble).to_have_text(OFFLINE)
        await expect(page.locator("clarion-inbox [part=muted]").first).to_be_hidden()
        await action(page, "toggle").click()
        await expect(page.locator("clarion-inbox [part~=row-unread]")).to_have_count(2)
        await action(page, "delete").click()
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_have_count(2)  # the time to undo is over
        await expect(trouble).to_have_text(OFFLINE)
        await photograph(page, f"not saved {scheme}")
        await visitor.context.set_offline(False)
        answer = {"status": 409, "json": {"detail": "The inbox is being moved."}}
        await visitor.context.route("**/api/notifications/*/read", lambda route: route.fulfill(**answer))
        await action(page, "toggle").click()
        await expect(trouble).to_have_text("Not saved: The inbox is being moved.")
        await serious(page, f"not saved {scheme}")
        await action(page, "mute").click()
        await expect(trouble).to_be_hidden()


@SCHEMES
async def test_saved_preferences(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """Saved preferences say so; a choice that is not saved says why, and is as it was."""
    ann = await person()
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, PREFERENCES, css=STYLES)
        await connected(page, "clarion-preferences")
        box, saved = page.get_by_label("Mention"), page.locator("clarion-preferences [part=saved]")
        await box.uncheck()
        await expect(saved).to_have_text("Saved.")
        await serious(page, f"saved preferences {scheme}")
        await visitor.context.set_offline(True)
        await box.click()
        await expect(page.locator("clarion-preferences [part=trouble]")).to_have_text(OFFLINE)
        await expect(box).not_to_be_checked()
        await expect(saved).to_be_empty()


EVERYTHING = "<clarion-bell {attributes}></clarion-bell>" + LIST + PREFERENCES


@SCHEMES
async def test_offline_elements(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """Each element says that it is offline, until it is connected again."""
    ann = await person()
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, EVERYTHING, css=STYLES)
        await connected(page)
        lines = page.locator(":is(clarion-preferences, main > clarion-inbox) [part=offline]")
        await expect(lines).to_have_text(["", ""])
        await visitor.context.set_offline(True)
        said = "You are offline. Notifications arrive when you are back."
        await expect(lines).to_have_text([said, said])
        button = page.locator("clarion-bell [part=button]")
        await expect(button).to_have_attribute("aria-label", f"Notifications: {said}")
        await serious(page, f"offline {scheme}")
        await photograph(page, f"elements offline {scheme}")
        await visitor.context.set_offline(False)
        await expect(lines).to_have_text(["", ""])
        await expect(button).to_have_attribute("aria-label", "Notifications")


async def test_direction_of_texts(stack: Stack, chromium: Browser) -> None:
    """A text that people wrote has its own direction, in an interface of the other."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    await post(place, ben, "مرحبا")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        await expect(action(page, "row-text")).to_have_css("direction", "rtl")
        await expect(action(page, "row-title")).to_have_css("direction", "ltr")
        assert visitor.said == []
