"""The pages of the forum: real Chromium, real pages, a real stack."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, Page, expect

from examples.forum.badges import HELPING_HAND, award
from tests.acceptance.steps import all_done, filled, person, post, thread, until
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, badge_of, photograph, serious, visiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

#: A task of the main thread that is longer than this is felt (milliseconds). A busy machine of two cores is allowed
#: more than the fifty that browsers call long.
JANK_MILLISECONDS = 400


#: Defines a function that counts the rows of the inbox page.
ROWS = "globalThis.rows = () => document.querySelector('#inbox').shadowRoot.querySelectorAll('[part~=row]').length"


def toasts_of(page: Page) -> Any:
    return page.locator("#toasts .toast")


async def test_conversation_in_two_browsers(stack: Stack, chromium: Browser) -> None:
    """Two users in two browsers see each other's messages as toast, badge and list."""
    ann, ben = await person(username="ann-b"), await person(username="ben-b")
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as at_anns, visiting(chromium, stack, ben) as at_bens:
        anns, bens = await at_anns.open(), await at_bens.open(place.get_absolute_url())
        await bens.fill("#id_body", f"@{ann.username} have you seen this? <img src=x onerror=alert(1)>")
        await bens.click("#reply .button")
        await expect(badge_of(anns)).to_have_text("1")
        await expect(toasts_of(anns)).to_contain_text("ben-b")
        assert await anns.locator("#toasts img").count() == 0  # what people write is text
        await photograph(anns, "a toast")
        await toasts_of(anns).locator("a").click()
        await expect(anns.locator(".messages")).to_contain_text("have you seen this?")
        await expect(badge_of(anns)).to_be_hidden()  # opening the page read it
        await anns.fill("#id_body", "I have.")
        await anns.click("#reply .button")
        await expect(badge_of(bens)).to_have_text("2")  # and a badge, for his first reply
        await bens.click("#bell [part=button]")
        await expect(bens.locator("#bell [part~=row]")).to_have_count(2)
        await photograph(bens, "the bell")
        assert at_anns.said == at_bens.said == []


async def test_tabs_share_connection(stack: Stack, chromium: Browser) -> None:
    """Tabs share one connection, and a badge is celebrated in one of them."""
    ann, ben = await person(), await person(is_staff=True)
    async with visiting(chromium, stack, ann) as visitor:
        tabs = [await visitor.open(), await visitor.open("/inbox/"), await visitor.open()]
        await until(lambda: stack.edge.metric("clarion_edge_sockets") == 1, "each tab has a socket of its own")
        await sync_to_async(award)(HELPING_HAND, ann, by=ben)
        for tab in tabs:
            await expect(badge_of(tab)).to_have_text("1")
        await expect(tabs[1].locator("#inbox [part~=row]")).to_have_count(1)
        shown = [await toasts_of(tab).count() for tab in tabs]
        for _ in range(20):
            if sum(shown):
                break
            await tabs[0].wait_for_timeout(50)
            shown = [await toasts_of(tab).count() for tab in tabs]
        assert sum(shown) == 1, shown
        await expect(tabs[shown.index(1)].locator(".toast.celebrated")).to_have_count(1)
        await photograph(tabs[shown.index(1)], "a celebration")
        # The tab with the connection is closed; the next one takes over, and no notification is missed.
        await tabs[0].close()
        await post(await thread(ann), ben, f"@{ann.username}")
        for tab in tabs[1:]:
            await expect(badge_of(tab)).to_have_text("2")
            await visitor.state(tab, "connected")
        await until(lambda: stack.edge.metric("clarion_edge_sockets") == 1, "not one connection")
        assert visitor.said == []


async def test_page_after_edge_killed(stack: Stack, chromium: Browser) -> None:
    """After the edge was killed and restarted the page shows all notifications."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/inbox/")
        await post(place, ben, f"@{ann.username} before")
        await expect(page.locator("#inbox [part~=row]")).to_have_count(1)
        stack.edge.kill()
        await visitor.state(page, "reconnecting")
        assert "Reconnecting" in str(await page.get_attribute("#connection", "title"))
        await photograph(page, "not connected")
        for body in ("while", "it was", "away"):
            await post(place, ben, f"@{ann.username} {body}")
        await all_done()
        stack.edge.start()  # by the thread that stays: a process ends with the one that started it
        await visitor.state(page, "connected")
        await expect(badge_of(page)).to_have_text("4")
        await expect(page.locator("#inbox [part~=row]")).to_have_count(4)
        await post(place, ben, f"@{ann.username} after")
        await expect(page.locator("#inbox [part~=row]")).to_have_count(5)
        excerpts = await page.locator("#inbox [part=row-text]").all_inner_texts()
        said = [text.split(" ", 1)[1] for text in excerpts]
        assert (said[0], sorted(said[1:4]), said[4]) == ("after", ["away", "it was", "while"], "before")


async def test_offline_and_online(stack: Stack, chromium: Browser) -> None:
    """A page that was offline shows the missed notification when it is online again."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open()
        await visitor.context.set_offline(True)
        await visitor.state(page, "offline")
        await post(place, ben, f"@{ann.username} are you there?")
        await all_done()
        await visitor.context.set_offline(False)
        await visitor.state(page, "connected")
        await expect(badge_of(page)).to_have_text("1")


async def test_token_refresh_in_browser(django_db_setup: None, transactional_db: None, chromium: Browser) -> None:
    """An expiring token is replaced on the open connection."""
    made = await sync_to_async(lambda: Stack("expiring", CLARION_SOCKET_AGE_SECONDS="1"))()
    with made.edge, made.worker, made.web:
        ann, ben = await person(), await person()
        async with visiting(chromium, made, ann) as visitor:
            page = await visitor.open()
            frames: list[str] = []
            page.on("websocket", lambda _: frames.append("another connection"))
            session = await visitor.context.new_cdp_session(page)
            await session.send("Network.enable")
            session.on("Network.webSocketFrameReceived", lambda event: frames.append(event["response"]["payloadData"]))
            async with asyncio.timeout(60):
                while sum("AUTH_OK" in frame for frame in frames) < 2:
                    await page.wait_for_timeout(50)
            await post(await thread(ann), ben, f"@{ann.username}")
            await expect(badge_of(page)).to_have_text("1")
            assert "another connection" not in frames
            assert not any("AUTH_FAILED" in frame for frame in frames)


async def test_frozen_page(stack: Stack, chromium: Browser) -> None:
    """A frozen page shows the missed notification when it is active again."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open()
        session = await visitor.context.new_cdp_session(page)
        await session.send("Page.setWebLifecycleState", {"state": "frozen"})
        stack.edge.kill()  # meanwhile the network drops, as it does
        await post(place, ben, f"@{ann.username} good night")
        await all_done()
        stack.edge.start()  # by the thread that stays: a process ends with the one that started it
        await session.send("Page.setWebLifecycleState", {"state": "active"})
        await expect(badge_of(page)).to_have_text("1")
        await visitor.state(page, "connected")


async def test_fallback_to_event_stream(stack: Stack, chromium: Browser) -> None:
    """Without WebSockets the client uses an event stream."""
    ann, ben = await person(), await person()
    async with visiting(chromium, stack, ann) as visitor:
        # As a proxy without WebSockets does: it answers, and closes the connection.
        await visitor.context.add_init_script(
            """
            globalThis.WebSocket = class extends EventTarget {
              readyState = 0;
              constructor() { super(); setTimeout(() => { this.readyState = 3; this.onclose?.({ code: 1006 }); }); }
              send() {}
              close() {}
            };
            Math.random = () => 0.01; // the wait before each attempt is any part of its ceiling
            """
        )
        page = await visitor.open(connected=False)
        await visitor.state(page, "connected")
        await post(await thread(ann), ben, f"@{ann.username}")
        await expect(badge_of(page)).to_have_text("1")
        assert visitor.said == []


@pytest.mark.alone
async def test_large_inbox_without_jank(stack: Stack, chromium: Browser) -> None:
    """A large inbox and a storm do not block the main thread of the page for long."""
    ann = await person()
    await filled(ann.pk, 10_000)
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open("/inbox/")
        await page.evaluate(ROWS)
        await expect(badge_of(page)).to_have_text("99+")
        for _ in range(4):
            notes = await page.locator("#inbox [part~=row]").count()
            await page.click("#inbox [part=older]")
            await page.wait_for_function("n => rows() > n", arg=notes)
        await page.evaluate(
            """() => {
                globalThis.longest = 0;
                const note = (list) => list.getEntries().forEach((one) => (longest = Math.max(longest, one.duration)));
                new PerformanceObserver(note).observe({ type: "longtask" });
            }"""
        )
        await filled(ann.pk, 300, first=10_001)
        await page.wait_for_function("() => bell.inbox.store.cursor.seq >= 10_300")
        longest = await page.evaluate("longest")
        assert longest < JANK_MILLISECONDS, f"the main thread was held for {longest:.0f} ms"
        assert await page.evaluate("bell.inbox.store.unread") == 10_300


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1100])
async def test_pages_are_accessible(stack: Stack, chromium: Browser, scheme: Any, width: int) -> None:
    """The pages have no serious accessibility errors, for each width and colour scheme."""
    ann, ben = await person(is_staff=True), await person()
    place = await thread(ann)
    for body in ("one", "two"):
        await post(place, ben, f"@{ann.username} {body}")
    await all_done()
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    async with visiting(chromium, stack, ann, **look) as visitor:
        for path in ("/", place.get_absolute_url(), "/inbox/", "/jobs/", f"/people/{ben.username}/", "/threads/new/"):
            page = await visitor.open(path)
            if path == "/inbox/":
                await page.wait_for_selector("#inbox [part~=row]")
                await page.click("#bell [part=button]")
            await serious(page, f"{path} {scheme} {width}")
            await photograph(page, f"{path} {scheme} {width}")
            await page.close()
        await visitor.context.clear_cookies()
        page = await visitor.open("/sign-in/", connected=False)
        await serious(page, "sign-in")


async def test_keyboard_use(stack: Stack, chromium: Browser) -> None:
    """The bell can be used by keyboard alone."""
    ann, ben = await person(), await person()
    await post(await thread(ann), ben, f"@{ann.username} by hand")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open()
        await page.focus("#bell [part=button]")
        await page.keyboard.press("Enter")
        await expect(page.locator("#bell [part=popover]")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#bell [part=popover]")).to_be_hidden()
        assert await page.evaluate("document.activeElement.shadowRoot.activeElement.part.value") == "button"
        await page.keyboard.press("Space")
        await expect(page.locator("#bell [part=panel]")).to_be_focused()
        await page.keyboard.press("Tab")  # mark all read
        await page.keyboard.press("Enter")
        await expect(badge_of(page)).to_be_hidden()
        await page.keyboard.press("Escape")
