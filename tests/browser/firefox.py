"""Firefox, driven over WebDriver BiDi: the few commands that the tests of the elements need.

Playwright needs a Firefox of its own build; this is the one of the system. https://w3c.github.io/webdriver-bidi/
"""

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from dev.programs import FIREFOX
from tests.programs import needed

#: Pointers that Firefox assumes without a screen, as sums of its flags: a fine one that can hover, and a coarse one.
MOUSE, TOUCH = 6, 1
START_SECONDS = 120
ANSWER_SECONDS = 60
#: Keys of WebDriver.
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowDown": "\ue015", "Tab": "\ue004"}

Responses = Callable[[str], tuple[str, str] | None]


class Firefox:
    """A session of WebDriver BiDi. `errors` are those that pages wrote to the console."""

    def __init__(self, connection: ClientConnection) -> None:
        self.errors: list[str] = []
        self._connection = connection
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._next = 0
        self._responses: Responses = lambda _: None
        self._headers: dict[str, str] = {}
        self._broken: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command; return its result."""
        self._next += 1
        number = self._next
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def listen(self) -> None:
        """Take answers and events until the connection ends."""
        async for text in self._connection:
            message = json.loads(text)
            match message:
                case {"type": "success", "id": number, "result": result}:
                    self._answered(number).set_result(result)
                case {"type": "error", "id": number}:
                    self._answered(number).set_exception(RuntimeError(message["message"]))
                case {"method": "log.entryAdded", "params": {"level": "error", "text": said}}:
                    self.errors.append(said)
                case {"method": "network.beforeRequestSent", "params": {"isBlocked": True, "request": request}}:
                    task = asyncio.create_task(self._answer(request))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    def _answered(self, number: int) -> "asyncio.Future[dict[str, Any]]":
        """Return what waits for this answer; something else if it has given up."""
        future = self._answers.pop(number)
        return asyncio.get_running_loop().create_future() if future.done() else future

    async def answer_instead(self, urls: list[str], responses: Responses, headers: dict[str, str]) -> None:
        """Answer the requests of these addresses with (text, type), instead of the server."""
        self._responses, self._headers = responses, headers
        patterns = [{"type": "string", "pattern": url} for url in urls]
        await self.send("network.addIntercept", phases=["beforeRequestSent"], urlPatterns=patterns)

    async def break_requests(self, url: str) -> None:
        """Let requests of this address fail, as without a network."""
        self._broken.add(url)
        await self.send(
            "network.addIntercept", phases=["beforeRequestSent"], urlPatterns=[{"type": "string", "pattern": url}]
        )

    async def _answer(self, request: dict[str, Any]) -> None:
        if request["url"] in self._broken:
            await self.send("network.failRequest", request=request["request"])
            return
        found = self._responses(request["url"])
        if found is None:
            await self.send("network.continueRequest", request=request["request"])
            return
        text, kind = found
        headers = self._headers | {"Content-Type": kind}
        await self.send(
            "network.provideResponse", request=request["request"], statusCode=200,
            body={"type": "string", "value": text},
            headers=[{"name": key, "value": {"type": "string", "value": value}} for key, value in headers.items()],
        )  # fmt: skip

    async def run_first(self, script: str) -> None:
        """Run a script in each page before its own."""
        await self.send("script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}")

    async def set_offline(self, *, offline: bool) -> None:
        """Take away the network of all tabs, or give it back."""
        contexts = (await self.send("browsingContext.getTree"))["contexts"]
        await self.send(
            "emulation.setNetworkConditions", networkConditions={"type": "offline"} if offline else None,
            contexts=[one["context"] for one in contexts],
        )  # fmt: skip

    async def open(self, url: str) -> "Tab":
        """Open a tab and load a page."""
        made = await self.send("browsingContext.create", type="tab")
        tab = Tab(self, made["context"])
        await tab.go(url)
        return tab

    async def set_cookies(self, url: str, cookies: dict[str, str]) -> None:
        """Set cookies for the host of an address."""
        host = re.split(r"[:/]+", url)[1]
        for name, value in cookies.items():
            cookie = {"name": name, "value": {"type": "string", "value": value}, "domain": host}
            await self.send("storage.setCookie", cookie=cookie)


class Tab:
    """One page."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def go(self, url: str) -> None:
        """Load a page."""
        await self._firefox.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited."""
        code = f"(async () => JSON.stringify(await ({expression})))()"
        target = {"context": self._context}
        result = await self._firefox.send("script.evaluate", expression=code, target=target, awaitPromise=True)
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        return json.loads(result["result"].get("value", "null"))

    async def becomes(self, expression: str, value: Any) -> None:
        """Wait until an expression has this value."""
        found = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while (found := await self.evaluate(expression)) != value:  # noqa: ASYNC110 - the event is in another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{expression} is {found!r} instead of {value!r}") from None

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        codes = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": code} for code in codes for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        await self._firefox.send("input.performActions", context=self._context, actions=[source])

    async def click(self, expression: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        await self.evaluate(f"{expression}.scrollIntoView({{ block: 'center', inline: 'center' }})")
        rect = await self.evaluate(f"{expression}.getBoundingClientRect().toJSON()")
        x, y = round(rect["x"] + rect["width"] / 2), round(rect["y"] + rect["height"] / 2)
        move = {"type": "pointerMove", "x": x, "y": y}
        actions = [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        source = {"type": "pointer", "id": "mouse", "actions": actions}
        await self._firefox.send("input.performActions", context=self._context, actions=[source])

    async def activate(self) -> None:
        """Bring the tab to the front."""
        await self._firefox.send("browsingContext.activate", context=self._context)


@asynccontextmanager
async def firefox(profile: Path, *, pointer: int = MOUSE) -> AsyncIterator[Firefox]:
    """A running Firefox without a window, with a profile of its own."""
    path = needed(FIREFOX)
    preferences = [f'user_pref("ui.{which}PointerCapabilities", {pointer});\n' for which in ("primary", "all")]
    await asyncio.to_thread((profile / "user.js").write_text, "".join(preferences))
    command = [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"]
    with await asyncio.to_thread(_started, command) as process:
        try:
            address = await asyncio.wait_for(asyncio.to_thread(_address, process), START_SECONDS)
            async with connect(f"{address}/session", max_size=2**24, ping_interval=None) as connection:
                made = Firefox(connection)
                listening = asyncio.create_task(made.listen())
                await made.send("session.new", capabilities={})
                await made.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
                try:
                    yield made
                finally:
                    listening.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await listening
        finally:
            process.terminate()


def _started(command: list[Any]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise RuntimeError("Firefox has ended")
