"""Another user signs in while tabs are open; and a browser that refuses the means that tabs share."""

import asyncio
import functools
import http.server
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, async_playwright, expect

from dev.programs import CHROMIUM
from tests.acceptance.steps import person, post, thread, until
from tests.browser.conftest import ARGUMENTS, PATIENCE_MILLISECONDS, Stack, badge_of, signed_in, visiting
from tests.docs.blocks import ROOT
from tests.programs import needed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MILLISECONDS)

#: Keeps all text that a page has shown since it was loaded, across a reload.
REMEMBER = """
(() => {
  const before = () => sessionStorage.getItem("seen") ?? "";
  const seen = () => sessionStorage.setItem("seen", before() + document.body?.textContent);
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(seen).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
})();
"""


async def test_another_user_signs_in(stack: Stack, chromium: Browser) -> None:
    """After another user signed in all tabs show the inbox of that user only."""
    ann, ben, eva = await person(username="ann-u"), await person(), await person(username="eva-u")
    place = await thread(ann)
    async with visiting(chromium, stack, ann) as visitor:
        tabs = [await visitor.open("/inbox/"), await visitor.open()]
        await post(place, ben, f"@{ann.username} before")
        for tab in tabs:
            await expect(badge_of(tab)).to_have_text("1")
        cookies = await sync_to_async(signed_in)(eva)
        await visitor.context.add_cookies(
            [{"name": name, "value": value, "url": stack.web.url} for name, value in cookies.items()]
        )
        for tab in tabs:
            await tab.evaluate("sessionStorage.clear()")
        await visitor.context.add_init_script(REMEMBER)
        evas = await visitor.open()
        for tab in [*tabs, evas]:
            await expect(tab.locator(".me-name")).to_have_text("eva-u")
            await visitor.state(tab, "connected")
        await post(place, ben, f"@{ann.username} a secret for ann")
        await post(place, ben, f"@{eva.username} a word for eva")
        for tab in [*tabs, evas]:
            await expect(badge_of(tab)).to_have_text("1")
            assert "a secret for ann" not in str(await tab.evaluate("sessionStorage.getItem('seen')"))
        await expect(tabs[0].locator("#inbox [part=row-text]")).to_contain_text("a word for eva")


async def test_sign_out_in_one_tab(stack: Stack, chromium: Browser) -> None:
    """Signing out in one tab leads the others to the sign-in page."""
    ann = await person()
    async with visiting(chromium, stack, ann) as visitor:
        other, tab = await visitor.open("/inbox/"), await visitor.open()
        await tab.click("[title='Sign out']")
        await expect(other.locator("#id_username")).to_be_visible()


class _Files(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def files() -> Iterator[str]:
    """The client's modules, for pages of any origin."""
    handler = functools.partial(_Files, directory=str(ROOT / "edge/client"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def test_sandboxed_frame(chromium: Browser, files: str) -> None:
    """In a sandboxed frame a tab connects without the others.

    The frame has no origin, so Chromium refuses Web Locks there, and storage.
    """
    frame = f"""
        <script type=module>
        import {{ SharedSocket }} from "{files}/notifications.js";
        let [states, sockets] = [0, 0];
        globalThis.WebSocket = class extends WebSocket {{ constructor(...rest) {{ super(...rest); sockets += 1; }} }};
        const denied = await navigator.locks.request("any", () => "granted").catch((error) => error.name);
        const options = {{ userId: 7, getToken: async () => "t", storage: () => localStorage }};
        const socket = new SharedSocket("ws://127.0.0.1:9/", options);
        socket.addEventListener("statechange", () => (states += 1));
        socket.connect();
        const claimed = await socket.claim("toast");
        setTimeout(() => parent.postMessage({{ denied, claimed, states, sockets, leads: socket.leads }}, "*"), 1500);
        </script>"""
    page = await chromium.new_page()
    await page.goto(f"{files}/package.json")
    heard = await page.evaluate(
        """(source) => new Promise((resolve) => {
            addEventListener("message", ({ data }) => resolve(data));
            const frame = Object.assign(document.createElement("iframe"), { srcdoc: source });
            frame.sandbox = "allow-scripts";
            document.body.append(frame);
        })""",
        frame,
    )
    assert (heard["denied"], heard["claimed"], heard["leads"]) == ("SecurityError", True, True)
    assert 1 <= heard["sockets"] <= 10
    assert heard["states"] <= 20


#: A process for each tab, so that one can stand still.
APART = ["--process-per-tab", "--disable-features=ProcessPerSiteUpToMainFrameThreshold"]
#: Ten seconds of silence, four of waiting for an answer, and some for the rest (seconds).
STILL_SECONDS = 18


async def test_suspended_leading_tab(stack: Stack) -> None:
    """A suspended leading tab is replaced by a visible one.

    A phone or a laptop stops the process of a tab in this way.
    """
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with async_playwright() as playwright:
        path = needed(CHROMIUM)
        chromium = await playwright.chromium.launch(executable_path=str(path), args=[*ARGUMENTS, *APART])
        async with visiting(chromium, stack, ann) as visitor:
            leader, visible = await visitor.open(), await visitor.open()
            still = f"const end = performance.now() + {STILL_SECONDS * 1000}; while (performance.now() < end);"
            standing_still = asyncio.create_task(leader.evaluate(f"(() => {{ {still} }})()"))
            await visible.bring_to_front()
            await post(place, ben, f"@{ann.username} are you there?")
            await expect(badge_of(visible)).to_have_text("1", timeout=STILL_SECONDS * 1000)
            assert not standing_still.done()
            await visitor.state(visible, "connected")
            await standing_still
            await expect(badge_of(leader)).to_have_text("1")
            await visitor.state(leader, "connected")
            await until(lambda: stack.edge.metric("clarion_edge_sockets") == 1, "each tab has a socket of its own")
        await chromium.close()
