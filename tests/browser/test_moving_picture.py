"""The moving picture of README: a mention arrives, the bell counts, the list opens, all is read."""

from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.acceptance.steps import person, post, thread
from tests.browser.conftest import ARTEFACTS, PATIENCE_MILLISECONDS, Stack, badge_of, visiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

#: How long each image stands (milliseconds), and how large the file may be (bytes).
STANDS = 1400
BYTES_MAX = 400_000


async def test_moving_picture(stack: Stack, chromium: Browser) -> None:
    """The bell in images: nothing new, a mention, a second one, the open list, all read."""
    ann, ben = await person(username="ann-m"), await person(username="ben-m")
    bread = await thread(ann)
    images: list[Image.Image] = []

    async def taken(page: Page) -> None:
        await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))")
        image = Image.open(BytesIO(await page.screenshot()))
        images.append(image.convert("P", palette=Image.Palette.ADAPTIVE, colors=128))

    async with visiting(chromium, stack, ann) as visitor:
        page = await visitor.open()
        await page.set_viewport_size({"width": 760, "height": 420})
        await taken(page)
        await post(bread, ben, f"@{ann.username} shall we bake on Sunday?")
        await expect(badge_of(page)).to_have_text("1")
        await expect(page.locator("#toasts .toast").first).to_be_visible()
        await taken(page)
        await post(bread, ben, f"@{ann.username} I bring the flour.")
        await expect(badge_of(page)).to_have_text("2")
        await taken(page)
        await page.click("#bell [part=button]")
        await expect(page.locator("#bell [part~=row]")).to_have_count(2)
        await taken(page)
        await page.locator("#bell [part~=read-all]").click()
        await expect(badge_of(page)).to_be_hidden()
        await taken(page)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    file = ARTEFACTS / "bell.gif"
    images[0].save(file, save_all=True, append_images=images[1:], duration=STANDS, loop=0, optimize=True)
    assert len(images) == 5
    assert file.stat().st_size < BYTES_MAX
