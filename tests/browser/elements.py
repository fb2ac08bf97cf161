"""Pages of a stranger's making with the elements of the browser client, at the address of the real web app."""

import asyncio
import json
from html import escape
from typing import Any

from playwright.async_api import Locator, Page, Route

from tests.browser.conftest import PATIENCE_MILLISECONDS, Stack, Visitor

#: A bell between other things, on a page that spoils whatever it can reach.
BELL = '<div class="cage"><clarion-bell {attributes}></clarion-bell></div><p>A page of a stranger</p>'

#: Collects violations of the policy, before anything else runs.
WATCH = """
globalThis.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  violations.push(`${violatedDirective} ${blockedURI}`);
});
"""

HOSTILE = """
* { overflow: hidden !important; z-index: 1 !important; box-sizing: content-box !important; letter-spacing: 0.3em; }
body { margin: 0; text-transform: uppercase; line-height: 3; font-size: 40px; white-space: nowrap; cursor: wait; }
button, ul, li, a, p, h2, span, time, section { display: none !important; color: red !important; }
.cage { position: relative; inset-inline-start: 700px; inset-block-start: 30px; inline-size: 60px; block-size: 60px;
  transform: rotate(0.1deg) translateX(60px) scale(1.1); filter: blur(0); contain: paint; opacity: 0.9; }
.cover { position: fixed; inset: 0; z-index: 2147483647 !important; background: rebeccapurple; }
"""


def policy(stack: Stack) -> str:
    """A policy that allows scripts and styles of the site's files only, and no text as HTML or code."""
    edge = f"ws://127.0.0.1:{stack.edge.port} http://127.0.0.1:{stack.edge.port}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {edge}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'"
    )


def page_of(
    stack: Stack,
    user: object,
    body: str,
    *,
    language: str = "en",
    root: str = "",
    attributes: dict[str, Any] | None = None,
) -> str:
    """The HTML of a page; `{attributes}` in its body are those that lead the elements to the stack."""
    known = {"user": user, "port": stack.edge.port, "tokens": "", **(attributes or {})}
    written = " ".join(f'{name}="{escape(str(value))}"' for name, value in known.items())
    return f"""<!doctype html><html lang="{language}" {root}><head><title>Elsewhere</title><meta charset="utf-8">
        <meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/elsewhere.css">
        <script type="module" src="/static/clarion/elements.js"></script>
        <script type="module" src="/elsewhere.js"></script>
        </head><body><main><h1>Elsewhere</h1>{body.replace("{attributes}", written)}</main></body></html>"""


async def open_page(
    stack: Stack,
    visitor: Visitor,
    body: str = BELL,
    *,
    language: str = "en",
    css: str = "",
    script: str = "",
    root: str = "",
) -> Page:
    """Open a page with this body, style sheet and script."""
    context = visitor.context
    html = page_of(stack, visitor.user.pk, body, language=language, root=root)

    async def answer(route: Route) -> None:
        headers = {"Content-Security-Policy": policy(stack)}
        parts = {"css": (css, "text/css"), "js": (script, "text/javascript"), "": (html, "text/html; charset=utf-8")}
        text, kind = parts[route.request.url.rpartition("elsewhere")[2].strip("./")]
        await route.fulfill(body=text, content_type=kind, headers=headers)

    for path in ("/elsewhere/", "/elsewhere.css", "/elsewhere.js"):
        await context.route(f"{stack.web.url}{path}", answer)
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.on("console", visitor._console)
    page.on("pageerror", lambda error: visitor.said.append(f"error: {error}"))
    await page.goto(f"{stack.web.url}/settings/")  # for the cookie of CSRF
    await page.goto(f"{stack.web.url}/elsewhere/")
    return page


def badge(page: Page) -> Locator:
    return page.locator("clarion-bell [part~=badge]")


def rows(page: Page) -> Locator:
    return page.locator("clarion-inbox [part~=row]")


async def quiet(page: Page, said: list[str]) -> None:
    """No violation of the policy, and no error on the console."""
    assert await page.evaluate("violations") == []
    assert said == []


async def becomes_true(page: Page, expression: str) -> None:
    """Wait for an expression. Playwright's own wait evaluates a text in the page, which the policy forbids."""
    async with asyncio.timeout(PATIENCE_MILLISECONDS / 1000):
        while not await page.evaluate(expression):
            await page.wait_for_timeout(50)


async def connected(page: Page, selector: str = "clarion-bell") -> None:
    """Wait until the element has its snapshot and a connection."""
    await becomes_true(page, f"document.querySelector({json.dumps(selector)})?.inbox?.state === 'connected'")
