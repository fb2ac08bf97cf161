"""Rows of the elements that a page writes itself: by a template, or by a function."""

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.steps import all_done, person, post, thread
from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, visiting
from tests.browser.elements import connected, open_page, quiet
from tests.docs.blocks import blocks_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

TEMPLATES = """
<clarion-inbox {attributes} tabs="all VOTE MENTION">
  <h2 slot="header">What is new</h2>
  <template data-kind="MENTION">
    <b part="about" data-field="data.thread_title"></b> by <i data-field="actor.username"></i>
  </template>
  <option value="MENTION">You were named</option>
  <p slot="footer">The end</p>
</clarion-inbox>
<clarion-inbox id="own" {attributes}></clarion-inbox>
"""
RENDER = """
document.querySelector("#own").render = ({ data }) => {
  if (!data.excerpt) throw new Error("no excerpt");
  return { title: `<img> ${data.thread_title}`, text: data.excerpt, url: "https://elsewhere.example/" };
};
"""


async def test_templates_slots_and_render(stack: Stack, chromium: Browser) -> None:
    """A page writes rows by a template or by a function, as text, and fills the slots."""
    ann, ben = await person(), await person(username="ben-t")
    place = await thread(ann)
    await post(place, ben, f"@{ann.username} <b>one</b>")
    await all_done()
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, TEMPLATES, script=RENDER)
        await connected(page, "clarion-inbox")
        first, own = page.locator("clarion-inbox").first, page.locator("#own")
        await expect(first.locator("[part=row-main]")).to_contain_text(f"{place.title} by ben-t")
        await expect(first.locator("[part=about]")).to_have_text(place.title)
        await expect(first.locator("[role=tab]")).to_have_text(["All", "Vote", "You were named"])
        await expect(page.get_by_text("What is new")).to_be_visible()
        await expect(page.get_by_text("The end")).to_be_visible()
        await expect(own.locator("[part=row-title]")).to_have_text(f"<img> {place.title}")
        await expect(own.locator("[part=row-text]")).to_have_text(f"@{ann.username} <b>one</b>")
        assert await own.locator("a").count() == 0  # an address of another site is not followed
        await first.get_by_role("tab", name="Vote").click()
        await expect(first.locator("[part~=row]")).to_have_count(0)
        await first.get_by_role("tab", name="You were named").click()
        await expect(first.locator("[part~=row]")).to_have_count(1)
        await quiet(page, visitor.said)


async def test_documented_rows(stack: Stack, chromium: Browser) -> None:
    """The documented template and function write the rows of their kinds."""
    template, function = blocks_of("test_documented_rows")
    ann, ben = await person(), await person(username="ben-d")
    place = await thread(ann)
    await post(place, ann, "I begin")
    for text in ("one", "two"):
        await post(place, ben, text)
        await all_done()
    other = await thread(ben)
    await post(other, ben, f"@{ann.username} look")
    await all_done()
    body = template.text.replace("<clarion-inbox>", "<clarion-inbox {attributes}>")
    async with visiting(chromium, stack, ann) as visitor:
        page = await open_page(stack, visitor, body, script=function.text)
        await connected(page, "clarion-inbox")
        shown = page.locator("clarion-inbox [part=row-main] .words")
        mention, replies = f"ben-d mentioned you in {other.title}", f"replied in {place.title} · 2 replies"
        await expect(shown).to_contain_text([mention, replies])
        await quiet(page, visitor.said)
