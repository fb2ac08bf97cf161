"""The elements of the browser client on pages of strangers: hostile styles, a strict policy, languages, tabs."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.steps import all_done, filled, person, post, thread
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, photograph, serious, visiting
from tests.browser.elements import HOSTILE, badge, becomes_true, connected, open_page, quiet, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

#: Callbacks of an IntersectionObserver run late, as in a busy browser.
LATE_OBSERVERS = """
globalThis.IntersectionObserver = class extends IntersectionObserver {
  constructor(callback, options) {
    super((entries, observer) => setTimeout(callback, 300, entries, observer), options);
  }
};
"""


@pytest.mark.parametrize("popovers", ["native", "anchors missing", "popovers missing"])
async def test_hostile_page(stack: Stack, chromium: Browser, popovers: str) -> None:
    """The panel is whole and on top of a page that cuts off, transforms and covers, under a strict policy."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    for body in ("one", "two"):
        await post(place, ben, f"@{ann.username} {body}")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        if popovers == "popovers missing":
            without = (
                "for (const name of ['popover', 'showPopover', 'hidePopover']) delete HTMLElement.prototype[name];"
            )
            await visitor.context.add_init_script(without)
        if popovers == "anchors missing":
            await visitor.context.add_init_script(
                "const replace = CSSStyleSheet.prototype.replaceSync; CSSStyleSheet.prototype.replaceSync ="
                " function (text) { return replace.call(this, text.replace(/position-(area|anchor)[^;]*;/g, '')); };"
            )
        css = HOSTILE if popovers != "popovers missing" else HOSTILE.replace("transform:", "--no:")
        if popovers == "popovers missing":  # a fixed panel is cut off by these two, and by nothing else
            css = css.replace("contain: paint;", "").replace("filter: blur(0);", "").replace("opacity: 0.9;", "")
        page = await open_page(stack, visitor, css=css)
        await connected(page)
        await expect(badge(page)).to_have_text("2")
        await page.locator("clarion-bell [part=button]").click()
        await expect(rows(page)).to_have_count(2)
        if popovers != "popovers missing":
            await page.evaluate("document.body.insertAdjacentElement('beforeend',"
                                " Object.assign(document.createElement('div'), { className: 'cover' }))")  # fmt: skip
        found = await page.evaluate(
            """() => {
                const { shadowRoot } = document.querySelector("clarion-bell");
                const rect = (part) => shadowRoot.querySelector(`[part=${part}]`).getBoundingClientRect();
                const [button, panel] = [rect("button"), rect("popover")];
                const points = [0.05, 0.5, 0.95].flatMap((x) => [0.05, 0.5, 0.95].map((y) =>
                    [panel.left + x * panel.width, panel.top + y * panel.height]));
                const top = points.map(([x, y]) => document.elementFromPoint(x, y)?.localName);
                const row = shadowRoot.querySelector("clarion-inbox").shadowRoot.querySelector("[part=row-main]");
                const style = getComputedStyle(row);
                return { top, gap: Math.min(Math.abs(panel.top - button.bottom), Math.abs(button.top - panel.bottom)),
                    apart: panel.left > button.right || panel.right < button.left,
                    inside: panel.left >= 0 && panel.top >= 0 && panel.right <= innerWidth
                        && panel.bottom <= innerHeight,
                    style: [style.textTransform, style.letterSpacing, style.cursor, style.fontSize] };
            }"""
        )
        assert set(found["top"]) == {"clarion-bell"}
        assert (found["inside"], found["apart"]) == (True, False)
        assert found["gap"] <= 24
        assert found["style"] == ["none", "normal", "pointer", "15px"]
        await photograph(page, f"hostile page {popovers}")
        await page.keyboard.press("Escape")
        await expect(page.locator("clarion-bell [part=popover]")).to_be_hidden()
        await quiet(page, visitor.said)


async def test_tabs_agree(stack: Stack, chromium: Browser) -> None:
    """Opening the panel ends the highlight in all tabs, and opening an item reads it in all tabs."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as visitor:
        tabs = [await open_page(stack, visitor) for _ in range(2)]
        for tab in tabs:
            await connected(tab)
        for body in ("one", "two"):
            await post(place, ben, f"@{ann.username} {body}")
        for tab in tabs:
            await expect(badge(tab)).to_have_text("2")
            await expect(badge(tab)).to_have_attribute("part", "badge badge-new")
            label = "Notifications, 2 unread"
            await expect(tab.locator("clarion-bell [part=button]")).to_have_attribute("aria-label", label)
            await expect(tab.locator("clarion-bell > [role=status]")).to_have_text("2 new notifications")
        await tabs[0].bring_to_front()
        await tabs[0].locator("clarion-bell [part=button]").click()
        for tab in tabs:
            await expect(badge(tab)).to_have_attribute("part", "badge")
            await expect(badge(tab)).to_have_text("2")
        await tabs[0].evaluate(
            "addEventListener('clarion-open', (event) => { event.preventDefault(); globalThis.opened = event.detail; })"
        )
        await rows(tabs[0]).first.locator("[part=row-main]").click()
        for tab in tabs:
            await expect(badge(tab)).to_have_text("1")
        opened = await tabs[0].evaluate("opened")
        assert opened["url"].startswith("/")
        assert opened["notification"]["notificationType"] == "MENTION"
        assert tabs[0].url.endswith("/elsewhere/")  # the page has prevented the way there
        await rows(tabs[0]).nth(1).locator("[part~=toggle]").click()
        for tab in tabs:
            await expect(badge(tab)).to_be_hidden()
        await quiet(tabs[0], visitor.said)


WORDS = {
    "en": ("Notifications", "Notifications, 1 unread", "Mark all read", "ltr"),
    "de-AT": ("Benachrichtigungen", "Benachrichtigungen, 1 ungelesen", "Alle als gelesen markieren", "ltr"),
    "ar": ("الإشعارات", "الإشعارات، إشعار واحد غير مقروء", "تعليم الكل كمقروء", "rtl"),
}

EVERYTHING = """
<clarion-bell {attributes}></clarion-bell>
<clarion-inbox {attributes} tabs="all unread MENTION"></clarion-inbox>
<clarion-preferences {attributes} kinds="MENTION REPLY"></clarion-preferences>
"""
STYLES = "html { background: Canvas; color: CanvasText; color-scheme: light dark; } main { padding-inline: 400px; }"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", WORDS)
async def test_languages_and_schemes(stack: Stack, chromium: Browser, language: str, scheme: Any) -> None:
    """Each element speaks the language of the page, in its direction, and axe finds nothing serious."""
    ann, ben = await person(), await person()
    await post(await thread(ann), ben, f"@{ann.username} one")
    await all_done()
    title, label, read_all, direction = WORDS[language]
    async with visiting(chromium, stack, ann, color_scheme=scheme) as visitor:
        root = f'dir="{direction}"'
        page = await open_page(stack, visitor, EVERYTHING, language=language, css=STYLES, root=root)
        await connected(page)
        button = page.locator("clarion-bell [part=button]")
        await expect(button).to_have_attribute("aria-label", label)
        await expect(page.locator("clarion-preferences [part=choice]")).to_have_count(2)
        await serious(page, f"elements {language} {scheme}")
        await button.click()
        panel = page.locator("clarion-bell [part=panel]")
        await expect(panel.locator("[part=title]")).to_have_text(title)
        await expect(panel.locator("[part=read-all]")).to_have_text(read_all)
        await expect(panel.locator("[part~=row]")).to_have_count(1)
        start, end = await panel.locator("[part~=row]").evaluate(
            """(row) => ["row-main", "actions"].map((part) =>
                row.querySelector(`[part=${part}]`).getBoundingClientRect()).map(({ left, right }) => left + right)"""
        )
        assert (start < end) == (direction == "ltr")
        await serious(page, f"panel {language} {scheme}")
        await photograph(page, f"elements {language} {scheme}")
        await quiet(page, visitor.said)


async def test_keyboard_only(stack: Stack, chromium: Browser) -> None:
    """Without a mouse the panel is opened and closed, its rows are read and deleted, and its tabs are changed."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    for body in ("one", "two", "three"):
        await post(place, ben, f"@{ann.username} {body}")
        await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor)
        await connected(page)
        await expect(badge(page)).to_have_text("3")
        press = page.keyboard.press
        focused = page.locator("clarion-bell [part=panel] :focus")
        await page.locator("clarion-bell [part=button]").focus()
        await press("Enter")
        await expect(page.locator("clarion-bell [part=panel]")).to_be_focused()
        await press("ArrowDown")
        await expect(focused).to_contain_text("three")
        await press("ArrowDown")
        await expect(focused).to_contain_text("two")
        await press("End")
        await expect(focused).to_contain_text("one")
        await press("Home")
        await press("Tab")  # the buttons of this row
        await expect(focused).to_have_attribute("title", "Mark read")
        await press("Enter")
        await expect(badge(page)).to_have_text("2")
        await expect(focused).to_have_attribute("title", "Mark unread")
        await press("Tab")
        await press("Tab")
        await expect(focused).to_have_attribute("title", "Delete")
        await press("Enter")
        await expect(rows(page)).to_have_count(2)
        await expect(focused).to_contain_text("two")  # the next row
        await press("Shift+Tab")  # the tab that is selected
        await expect(focused).to_have_text("All")
        await press("ArrowRight")
        await expect(focused).to_have_text("Unread")
        await expect(focused).to_have_attribute("aria-selected", "true")
        await expect(rows(page)).to_have_count(2)
        await press("Shift+Tab")
        await expect(focused).to_have_text("Mark all read")
        await press("Space")
        await expect(badge(page)).to_be_hidden()
        await expect(page.locator("clarion-bell [part=empty]")).to_contain_text("You have read everything.")
        await press("Escape")
        await expect(page.locator("clarion-bell [part=popover]")).to_be_hidden()
        assert await page.evaluate("document.activeElement.shadowRoot.activeElement.part.value") == "button"
        await quiet(page, visitor.said)


async def test_long_list(stack: Stack, chromium: Browser) -> None:
    """Scrolling to the end of the panel reads one page, also where the browser is slow, until there are no more."""
    ann = await person()
    await filled(ann.pk, 120)
    async with visiting(chromium, stack, ann) as visitor:
        await visitor.context.add_init_script(LATE_OBSERVERS)
        page = await open_page(stack, visitor)
        await connected(page)
        await expect(badge(page)).to_have_text("99+")
        await page.locator("clarion-bell [part=button]").click()
        for count in (50, 100, 120):
            await expect(rows(page)).to_have_count(count)
            await page.locator("clarion-bell [part=body]").evaluate("(body) => body.scrollTo(0, body.scrollHeight)")
        await expect(page.locator("clarion-bell [part=older]")).to_be_hidden()
        await quiet(page, visitor.said)


async def test_signed_out(stack: Stack, chromium: Browser) -> None:
    """An element of a user who is signed out says so to the page, and shows no endless wait."""
    ann = await person()
    async with visiting(chromium, stack, ann) as visitor:
        script = (
            "addEventListener('clarion-trouble', ({ detail }) => { globalThis.refused = detail.error.isRefusal; });"
        )
        page = await open_page(stack, visitor, script=script)
        await connected(page)
        await visitor.context.clear_cookies()
        await page.reload()
        await becomes_true(page, "globalThis.refused === true")
        await page.locator("clarion-bell [part=button]").click()
        await expect(page.locator("clarion-bell [part=trouble]")).to_have_text("The notifications could not be loaded.")
