"""The elements in Firefox: live, on a hostile page with a strict policy, in two tabs, by mouse and keyboard."""

from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from tests.acceptance.steps import all_done, person, post, thread
from tests.browser.conftest import Stack, signed_in
from tests.browser.elements import BELL, HOSTILE, page_of, policy
from tests.browser.firefox import Firefox, Tab, firefox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

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
    await tab.becomes('document.querySelector("clarion-bell, clarion-inbox")?.inbox?.state', "connected")
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
        page = await opened(browser, stack, ann, "<clarion-inbox {attributes}></clarion-inbox>")
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
