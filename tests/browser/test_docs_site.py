"""The documentation as `make docs` builds it, opened from disk in real Chromium."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS
from tests.environment import FOLDER
from tests.processes import ROOT

pytestmark = pytest.mark.browser

#: What readers search for, and a page that has to be among the first results.
SEARCHES = {
    "preferences": "Questions",
    "upgrade": "Upgrade",
    "email": "Questions",
    "nginx": "Deployment",
    "exactly once": "Questions",
    "backpressure": "Questions",
    "rate limit": "Questions",
}

FIRST = 5


@pytest.fixture(scope="module")
def site() -> Path:
    """The built pages."""
    built = FOLDER / "docs-site"
    command = [sys.executable, "-m", "sphinx", "--quiet", "-b", "html", "docs", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return built


def pages_of(site: Path) -> set[str]:
    """The addresses of all pages that were written."""
    pages = {str(file.relative_to(site)) for file in site.rglob("*.html")} - {"search.html", "genindex.html"}
    return {(site / page).as_uri() for page in pages if not page.startswith("_")}


async def test_pages_within_two_clicks(site: Path, chromium: Browser) -> None:
    """Each page opens from disk, and is reached from the first one in two clicks."""
    page = await chromium.new_page()

    async def linked(address: str) -> set[str]:
        await page.goto(address)
        await expect(page.locator("article h1")).to_be_visible()
        found: list[str] = await page.eval_on_selector_all("a[href]", "links => links.map(({ href }) => href)")
        return {link.partition("#")[0] for link in found}

    first = (site / "index.html").as_uri()
    one = await linked(first)
    decisions = (site / "decisions/README.html").as_uri()
    assert decisions in one
    two = one | await linked(decisions)
    everything = pages_of(site)
    assert len(everything) > 80
    assert everything <= two, everything - two
    shown = page.locator(".sidebar-tree > ul > li > a:visible")
    assert await shown.count() < 60, "the records of decisions are folded away"
    await page.close()


@pytest.mark.parametrize("name", ["settings", "metrics", "comparison", "commands", "install", "upgrade", "concepts"])
async def test_width_of_tables(site: Path, chromium: Browser, name: str) -> None:
    """No column of a table is pushed together, and none is outside of the page."""
    page = await chromium.new_page(viewport={"width": 1280, "height": 800})
    await page.goto((site / f"{name}.html").as_uri())
    for table in await page.locator("article table").all():
        assert await table.evaluate("table => table.parentElement.scrollWidth <= table.parentElement.clientWidth + 1")
        columns = await table.evaluate("table => [...table.rows[0].cells].map(cell => cell.offsetWidth)")
        assert min(columns) >= 40, columns
    await page.close()


@pytest.mark.parametrize("words", SEARCHES)
async def test_search(site: Path, chromium: Browser, words: str) -> None:
    """The search finds what readers look for, without a server."""
    page = await chromium.new_page()
    await page.goto(f"{(site / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    results = page.locator("ul.search li > a")
    await expect(results.first).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    titles = (await results.all_inner_texts())[:FIRST]
    assert any(title.startswith(SEARCHES[words]) for title in titles), titles
    await page.close()
