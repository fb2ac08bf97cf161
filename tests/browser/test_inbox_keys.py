"""Days, keys, notifications of the desktop and the page's icon, as people know them from other inboxes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.async_api import Browser, Page, expect

from clarion.shared.inbox.models import Announcement, Notification
from tests.acceptance.steps import post
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, photograph, serious, visiting
from tests.browser.elements import connected, open_page
from tests.browser.test_inbox import LIST, SCHEMES, STYLES, mentioned, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

FOCUSED = "document.querySelector('clarion-inbox').shadowRoot.activeElement?.textContent ?? ''"


@sync_to_async
def spread_over_days(user: User) -> None:
    """Let the user's newest notification be of now, and each further one of a day earlier."""
    mine = Notification.objects.filter(recipient_id=user.pk)
    for days, seq in enumerate(mine.order_by("-seq").values_list("seq", flat=True)):
        mine.filter(seq=seq).update(created_at=timezone.now() - timedelta(days=days))


@SCHEMES
@pytest.mark.parametrize("language,first", [("en", ["Today", "Yesterday"]), ("de", ["Heute", "Gestern"])])
async def test_days(stack: Stack, chromium: Browser, language: str, first: list[str], scheme: Any) -> None:
    """Rows stand below headings of their days, in the reader's language."""
    ann, ben, place = await mentioned("one", "two", "three")
    await spread_over_days(ann)
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, LIST, language=language, css=STYLES)
        await connected(page, "clarion-inbox")
        days = page.locator("clarion-inbox [part=day]")
        await expect(days).to_have_count(3)
        assert (await days.all_inner_texts())[:2] == first
        before = timezone.now() - timedelta(days=2)
        assert str(before.day) in (await days.all_inner_texts())[2]
        await post(place, ben, f"@{ann.username} four")
        await expect(rows(page)).to_have_count(4)
        await expect(days).to_have_count(3)
        await serious(page, f"days {language} {scheme}")
        await photograph(page, f"days {language} {scheme}")


@SCHEMES
async def test_keys_of_list(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """The keys j, k and e move through the list and mark rows as read and unread."""
    ann, _, _ = await mentioned("one", "two", "three")
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        page = await open_page(stack, visitor, LIST, css=STYLES)
        await connected(page, "clarion-inbox")
        await expect(rows(page)).to_have_count(3)
        unread = page.locator("clarion-inbox [part~=row-unread]")
        await page.evaluate("document.querySelector('clarion-inbox').focus()")
        await page.keyboard.press("j")
        assert "three" in await page.evaluate(FOCUSED)
        await page.keyboard.press("j")
        assert "two" in await page.evaluate(FOCUSED)
        await page.keyboard.press("e")
        await expect(unread).to_have_count(2)
        await serious(page, f"row with the focus {scheme}")
        await page.keyboard.press("e")
        await expect(unread).to_have_count(3)
        await page.keyboard.press("k")
        assert "three" in await page.evaluate(FOCUSED)
        await page.keyboard.press("k")
        assert "three" in await page.evaluate(FOCUSED)


async def test_key_and_icon_of_bell(stack: Stack, chromium: Browser) -> None:
    """A key opens the bell unless the user types, and the page's icon shows whether something is unread."""
    ann, _, _ = await mentioned("one")
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/threads/new/")
        icon = page.locator("link[rel=icon]")
        await expect(icon).to_have_attribute("href", "/static/forum/icon-unread.svg")
        panel = page.locator("#bell [part=popover]")
        await page.locator("#id_title").press("n")
        await expect(page.locator("#id_title")).to_have_value("n")
        await expect(panel).to_be_hidden()
        await page.locator("#id_title").evaluate("field => field.blur()")
        await page.keyboard.press("n")
        await expect(panel).to_be_visible()
        await expect(page.locator("#bell [part=button]")).to_have_attribute("aria-keyshortcuts", "n")
        await page.locator("#bell [part=read-all]").click()
        await expect(icon).to_have_attribute("href", "/static/forum/icon.svg")
        await page.keyboard.press("n")
        await expect(panel).to_be_hidden()


#: Collects what a page would show on the desktop, which a browser without a screen cannot.
DESKTOP = """
globalThis.shown = [];
globalThis.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = globalThis.answer ?? "granted"); }
  constructor(title) { super(); shown.push(title); }
  close() {}
};
Object.defineProperty(document, "hidden", { get: () => globalThis.away ?? false });
"""
CHOICE = "Notifications of the desktop, on this device"


async def shown(*pages: Page) -> list[str]:
    """What the pages together have shown on the desktop."""
    return [title for page in pages for title in await page.evaluate("shown")]


async def test_desktop_notifications(stack: Stack, chromium: Browser) -> None:
    """A user who asks for them gets one for each arrival, and none while a tab is visible."""
    ann, ben, place = await mentioned("one")
    async with visiting(chromium, stack, ann) as visitor:
        await visitor.context.add_init_script(DESKTOP)
        first, second = await visitor.open("/settings/"), await visitor.open()
        await first.get_by_label(CHOICE).check()
        await expect(first.locator("#preferences [part=saved]")).to_have_text("Saved.")
        await second.reload()
        await visitor.state(second, "connected")
        for page in (first, second):
            await page.evaluate("Notification.permission = 'granted'")

        async def arrives(text: str, count: int) -> None:
            await post(place, ben, f"@{ann.username} {text}")
            for page in (first, second):
                await expect(page.locator("#bell [part~=badge]")).to_have_text(str(count))

        await second.evaluate("globalThis.away = true")
        await arrives("two", 2)  # the first tab is visible
        await first.evaluate("globalThis.away = true")
        await arrives("three", 3)
        async with asyncio.timeout(PATIENCE_MILLISECONDS / 1000):
            while not await shown(first, second):
                await first.wait_for_timeout(50)
        (title,) = await shown(first, second)
        assert ben.username in title


@SCHEMES
async def test_refused_desktop_notifications(stack: Stack, chromium: Browser, scheme: Any) -> None:
    """If the browser does not allow them, the choice says so and stays off."""
    ann: User
    ann, _, _ = await mentioned("one")
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        await visitor.context.add_init_script(DESKTOP + "globalThis.answer = 'denied';")
        page = await visitor.open("/settings/")
        await page.get_by_label(CHOICE).click()
        await expect(page.locator("#preferences [part=saved]")).to_contain_text("does not allow")
        await expect(page.get_by_label(CHOICE)).not_to_be_checked()
        await serious(page, f"refused desktop notifications {scheme}")


ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"


async def test_no_desktop_notifications_on_android(stack: Stack, chromium: Browser) -> None:
    """On Android, where a page cannot show them, the preferences do not offer them."""
    ann, _, _ = await mentioned("one")
    async with visiting(chromium, stack, ann, user_agent=ANDROID) as visitor:
        page = await visitor.open("/settings/")
        await expect(page.locator("#preferences [part=choice]").first).to_be_visible()
        await expect(page.get_by_label(CHOICE)).to_have_count(0)


async def test_inbox_without_javascript(stack: Stack, chromium: Browser) -> None:
    """The page of the inbox lists the newest notifications without JavaScript."""
    ann, ben, place = await mentioned("one", "two")
    async with visiting(chromium, stack, ann, java_script_enabled=False) as visitor:
        page = await visitor.open("/inbox/", connected=False)
        listed = page.locator("#inbox li")
        await expect(listed).to_have_count(2)
        await expect(listed.first).to_contain_text(f"{ben.username}: {place.title}")
        await expect(listed.first.locator("a")).to_have_attribute("href", f"/messages/{await newest_message()}/")


@sync_to_async
def newest_message() -> str:
    url: str = Announcement.objects.order_by("-pk")[0].data["url"]
    return url.strip("/").split("/")[-1]
