"""The elements in Firefox: live, on a hostile page with a strict policy, in two tabs, by mouse and keyboard."""

from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from tests.acceptance.steps import all_done, person, post, thread
from tests.browser.conftest import Stack, signed_in
from tests.browser.elements import BELL, HOSTILE, page_of, policy
from tests.browser.firefox import TOUCH, Firefox, Tab, firefox
from tests.browser.test_inbox_keys import CHOICE, DESKTOP

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

#: The first element of a page.
ELEMENT = 'document.querySelector("clarion-bell, clarion-inbox, clarion-preferences")'
SHADOW = 'document.querySelector("clarion-bell").shadowRoot'
BADGE = f'{SHADOW}.querySelector("[part~=badge]")'
PANEL = f'{SHADOW}.querySelector("[part=popover]")'
LIST = f'{SHADOW}.querySelector("clarion-inbox").shadowRoot'
FOCUSED = f"{LIST}.activeElement?.textContent"
#: Whether the middle and the corners of the panel are on top of all others.
ON_TOP = f"""(() => {{
  const {{ left, top, width, height }} = {PANEL}.getBoundingClientRect();
  const points = [[0.05, 0.05], [0.5, 0.5], [0.95, 0.95]];
  return points.map(([x, y]) => document.elementFromPoint(left + x * width, top + y * height)?.localName);
}})()"""


async def opened(browser: Firefox, stack: Stack, user: User, body: str = BELL, *, css: str = "") -> Tab:
    """Open a page with this body and style sheet as this user, and wait until its element is connected."""
    base = stack.web.url
    pages = {"elsewhere/": (page_of(stack, user.pk, body), "text/html"), "elsewhere.css": (css, "text/css"),
             "elsewhere.js": ("", "text/javascript")}  # fmt: skip
    urls = [f"{base}/{path}" for path in pages]
    headers = {"Content-Security-Policy": policy(stack)}
    await browser.set_cookies(base, await sync_to_async(signed_in)(user))
    await browser.answer_instead(urls, lambda url: pages.get(url.removeprefix(f"{base}/")), headers)
    await browser.open(f"{base}/settings/")  # for the cookie of CSRF
    browser.errors.clear()
    tab = await browser.open(urls[0])
    await tab.becomes(f"{ELEMENT}?.inbox?.state", "connected")
    return tab


def errors(browser: Firefox) -> list[str]:
    """Return the errors on the console. Firefox asks for the icon of a page by itself."""
    return [error for error in browser.errors if "favicon.ico" not in error]


async def test_elements_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """A notification arrives in two tabs; the panel is whole, marks as seen and read, and can be used by keyboard."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with firefox(tmp_path) as browser:
        tabs = [await opened(browser, stack, ann, css=HOSTILE), await browser.open(f"{stack.web.url}/elsewhere/")]
        await tabs[1].becomes('document.querySelector("clarion-bell")?.inbox?.state', "connected")
        for body in ("one", "two"):
            await post(place, ben, f"@{ann.username} {body}")
            await all_done()
        for tab in tabs:
            await tab.becomes(f"[{BADGE}.textContent, {BADGE}.part.value]", ["2", "badge badge-new"])
        one, other = tabs
        await one.activate()
        await one.click(f'{SHADOW}.querySelector("[part=button]")')
        await one.becomes(f'{LIST}.querySelectorAll("[part~=row]").length', 2)
        await one.becomes(ON_TOP, ["clarion-bell"] * 3)
        for tab in tabs:
            await tab.becomes(f"[{BADGE}.textContent, {BADGE}.part.value]", ["2", "badge"])
        await one.becomes(f"{LIST}.activeElement?.part.value", "panel")
        await one.press("ArrowDown")
        assert "two" in await one.evaluate(FOCUSED)
        await one.press("Tab", "Enter")  # mark read
        for tab in tabs:
            await tab.becomes(f"{BADGE}.textContent", "1")
        await one.press("Escape")
        await one.becomes(f'{PANEL}.matches(":popover-open")', value=False)
        assert await one.evaluate(f"{SHADOW}.activeElement.part.value") == "button"
        assert await other.evaluate("globalThis.violations ?? []") == []
        assert errors(browser) == []


INBOX = 'document.querySelector("clarion-inbox").shadowRoot'
ROWS = f'[...{INBOX}.querySelectorAll("[part~=row]")]'
#: The number of rows with a dot.
DOTS = f'{ROWS}.filter((row) => getComputedStyle(row, "::before").content !== "none").length'
#: The opacity of the actions of each row.
ACTIONS = f'{ROWS}.map((row) => getComputedStyle(row.querySelector("[part=actions]")).opacity)'


async def test_inbox_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """The list behaves in Firefox as in Chromium: dots, days, keys, and actions of the row with the focus."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    for body in ("one", "two", "three"):
        await post(place, ben, f"@{ann.username} {body}")
        await all_done()
    async with firefox(tmp_path) as browser:
        page = await opened(browser, stack, ann, LIST_ONLY)
        await page.becomes(DOTS, 3)
        await page.becomes(f'[...{INBOX}.querySelectorAll("[part=day]")].map((day) => day.textContent)', ["Today"])
        await page.evaluate('document.querySelector("clarion-inbox").focus()')
        await page.press("j", "j", "e")
        await page.becomes(DOTS, 2)
        assert "two" in await page.evaluate(f"{INBOX}.activeElement.textContent")
        await page.press("e", "k")
        await page.becomes(DOTS, 3)
        assert "three" in await page.evaluate(f"{INBOX}.activeElement.textContent")
        await page.evaluate(f"{INBOX}.activeElement.blur()")
        await page.becomes(ACTIONS, ["0", "0", "0"])
        await page.evaluate(f'{ROWS}[1].querySelector("[part=row-main]").focus()')
        await page.becomes(ACTIONS, ["0", "1", "0"])
        await page.click(f'{ROWS}[0].querySelector("[part~=delete]")')
        await page.becomes(f"{ROWS}.length", 2)
        await page.click(f'{INBOX}.querySelector("[part=undo]")')
        await page.becomes(f"{ROWS}.length", 3)
        await page.click(f'{ROWS}[0].querySelector("[part~=mute]")')
        await page.becomes(f'{ROWS}.map((row) => row.querySelector("[part=muted]").checkVisibility())', [True] * 3)
        await browser.break_requests(f"{stack.web.url}/api/notifications/read")
        await page.click(f'{INBOX}.querySelector("[part=read-all]")')
        await page.becomes(f'{INBOX}.querySelector("[part=trouble]").textContent', "Not saved: you are offline.")
        for row in range(3):
            await page.click(f'{ROWS}[{row}].querySelector("[part~=toggle]")')
        await page.becomes(DOTS, 0)
        assert errors(browser) == []


LIST_ONLY = "<clarion-inbox {attributes}></clarion-inbox>"
PREFERENCES = "<clarion-preferences {attributes} kinds='MENTION'></clarion-preferences>"


def part(element: str, name: str) -> str:
    """Return the expression of a part of an element of the page."""
    return f'document.querySelector("{element}").shadowRoot.querySelector("[part~={name}]")'


async def test_actions_on_touch_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """On a screen without hover a button of the row shows its actions with their names."""
    ann, ben = await person(), await person()
    await post(await thread(ann), ben, f"@{ann.username} one")
    await all_done()
    toggle, more = part("clarion-inbox", "toggle"), part("clarion-inbox", "more")
    async with firefox(tmp_path, pointer=TOUCH) as browser:
        page = await opened(browser, stack, ann, LIST_ONLY)
        await page.becomes(f"{toggle}?.checkVisibility()", value=False)
        await page.click(more)
        await page.becomes(f"{toggle}.innerText.trim()", "Mark read")
        await page.click(toggle)
        await page.becomes(DOTS, 0)
        assert errors(browser) == []


async def test_texts_of_people_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """A text that people wrote has its own direction, in an interface of the other."""
    ann, ben = await person(), await person()
    await post(await thread(ann), ben, "مرحبا")
    await all_done()
    async with firefox(tmp_path) as browser:
        page = await opened(browser, stack, ann, LIST_ONLY)
        await page.becomes(f"{ROWS}.length", 1)
        for name, direction in (("row-text", "rtl"), ("row-title", "ltr")):
            assert await page.evaluate(f"getComputedStyle({part('clarion-inbox', name)}).direction") == direction
        assert errors(browser) == []


#: Ends the sockets of a page without a network, and refuses new ones: Firefox's emulation concerns requests only.
SOCKETS = """
const Real = WebSocket;
globalThis.WebSocket = class extends Real {
  constructor(url, protocols) {
    super(navigator.onLine ? url : "ws://127.0.0.1:9", protocols);
    addEventListener("offline", () => this.close());
  }
};
"""


async def test_offline_elements_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """Each element says that it is offline, and a choice that is not saved then says why, and is as it was."""
    ann = await person()
    said = "You are offline. Notifications arrive when you are back."
    box, label = part("clarion-preferences", "checkbox"), f"{part('clarion-bell', 'button')}.ariaLabel"
    lines = [f"{part(element, 'offline')}.textContent" for element in ("clarion-inbox", "clarion-preferences")]
    async with firefox(tmp_path) as browser:
        await browser.run_first(SOCKETS)
        page = await opened(browser, stack, ann, LIST_ONLY + PREFERENCES + BELL)
        await page.becomes(f"{box}?.checked", value=True)
        await page.click(box)
        await page.becomes(f"{part('clarion-preferences', 'saved')}.textContent", "Saved.")
        await browser.set_offline(offline=True)
        for line in lines:
            await page.becomes(line, said)
        await page.becomes(label, f"Notifications: {said}")
        await page.click(box)
        await page.becomes(f"{part('clarion-preferences', 'trouble')}.textContent", "Not saved: you are offline.")
        assert await page.evaluate(f"{box}.checked") is False
        await browser.set_offline(offline=False)
        for line in lines:
            await page.becomes(line, "")
        await page.becomes(label, "Notifications")


async def test_desktop_notifications_in_firefox(stack: Stack, tmp_path: Path) -> None:
    """A user who asks for them gets one for an arrival while no tab is visible, and the page's icon shows unread."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with firefox(tmp_path) as browser:
        await browser.run_first(DESKTOP)
        await browser.set_cookies(stack.web.url, await sync_to_async(signed_in)(ann))
        page = await browser.open(f"{stack.web.url}/settings/")
        choice = f"[...{part('clarion-preferences', 'group')}.getRootNode().querySelectorAll('label')]"
        choice += f".find((label) => label.textContent.includes({CHOICE!r})).control"
        await page.becomes(f"{ELEMENT}?.inbox?.state", "connected")
        await page.becomes(f"{part('clarion-preferences', 'group')} != null", value=True)
        await page.click(choice)
        await page.becomes(f"{part('clarion-preferences', 'saved')}.textContent", "Saved.")
        icon = 'document.querySelector("link[rel=icon]").getAttribute("href")'
        assert await page.evaluate(icon) == "/static/forum/icon.svg"
        await page.evaluate("(globalThis.away = true)")
        await post(place, ben, f"@{ann.username} one")
        await page.becomes("shown.length", 1)
        assert ben.username in await page.evaluate("shown[0]")
        await page.becomes(icon, "/static/forum/icon-unread.svg")
