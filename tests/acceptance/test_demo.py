"""The documents' instructions for the demo, run word for word: `make run` itself, and commands against it.

Changed are ports, the token that the reader makes, and the number of recipients of `make lanes`.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from dev import children
from dev.ports import free_ports
from dev.programs import CHROMIUM
from dev.stack import load_stack
from dev.stack_config import DATA, LISTENERS, MARK, URLS
from tests.browser.conftest import ARGUMENTS
from tests.docs.blocks import blocks_of
from tests.processes import BIN, ROOT, Process, wait_until
from tests.programs import needed

#: Longest wait for the line `Ready:`, and for a measurement (seconds). Usual are ten.
START_SECONDS = 240
COMMAND_SECONDS = 240

#: By default `make lanes` notifies a hundred thousand and waits for four hundred mentions: half a minute.
FEWER = {"MAKEFLAGS": " -- RECIPIENTS=2000 MENTIONS=20"}

#: The variables of this test run, which a terminal would not have.
OF_THE_RUN = {*URLS, "DJANGO_SETTINGS_MODULE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "ARGS"}


#: Text that is on the page behind each address of the block that `make run` prints, for mia.
CONTENTS = {
    "Forum": "Threads",
    "Side by side": "Write as one of them",
    "Operations": "Burst",
    "Health": "Problems",
    "Metrics": "clarion_edge_sockets",
    "API docs": "/api/inbox",
    "Flower": "Worker",
}


class Demo(Process):
    """`make run` in a terminal of its own, on ports of its own."""

    def __init__(self, command: str, base: int, token: str) -> None:
        super().__init__(f"demo-{base}", "bash", "-c", f"exec env {command}")
        self.base = base
        self.token = token

    def surroundings(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
        path = {"PATH": f"{BIN}{os.pathsep}{kept['PATH']}"}
        return {name: kept[name] for name in kept.keys() - OF_THE_RUN} | path | {"CLARION_PORT_BASE": str(self.base)}

    def run(self, command: str, **variables: str) -> str:
        """Its output, in a second terminal."""
        done = subprocess.run(
            ["bash", "-e", "-c", self.here(command)],
            cwd=ROOT, env=self.surroundings() | variables, capture_output=True, text=True, timeout=COMMAND_SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def here(self, text: str) -> str:
        """The same with the ports and the token of this demo."""
        for listener in LISTENERS:
            text = text.replace(f"127.0.0.1:{8000 + LISTENERS.index(listener)}", f"127.0.0.1:{self.port(listener)}")
        return text.replace("<the token>", self.token)

    def port(self, listener: str) -> int:
        return self.base + LISTENERS.index(listener)

    def webs_environment(self) -> dict[str, str]:
        return load_stack(self.base)

    def interrupt(self) -> None:
        """Ctrl-C; and wait until nothing of it is left."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGINT)
        self.popen.wait(COMMAND_SECONDS)


@contextmanager
def running(demo: Demo) -> Iterator[Demo]:
    """Until the end of the block, after which nothing of it is left."""
    try:
        demo.launch()
        wait_until(lambda: "Ready: " in demo.said() or demo.exit_code() is not None, demo.said, START_SECONDS)
        assert demo.exit_code() is None, demo.said()
        yield demo
        demo.interrupt()
        for listener in LISTENERS:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", demo.port(listener)))
    finally:
        demo.kill()
        shutil.rmtree(DATA / str(demo.base), ignore_errors=True)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """As the how-to for services starts it: two lines, of which the first makes the token."""
    (made, started) = blocks_of("test_documented_service_calls")[0].text.splitlines()
    token = subprocess.run(["bash", "-c", made], capture_output=True, text=True, check=True).stdout.strip()
    with running(Demo(started.replace("<the token>", token), free_ports(len(LISTENERS)), token)) as demo:
        yield demo


def same_shape(answer: Any, shown: Any) -> bool:
    """Whether an answer has the fields of the one that is shown, each of the same type."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and answer.keys() == shown.keys() and all(
            same_shape(answer[name], shown[name]) for name in shown
        )  # fmt: skip
    return type(answer) is type(shown)


def told_of(demo: Demo, kind: str) -> set[int]:
    with psycopg.connect(demo.webs_environment()["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT n.recipient_id FROM clarion_notification n JOIN clarion_announcement a ON a.id = n.announcement_id "
            "WHERE a.kind = %s",
            [kind],
        )
        return {recipient for (recipient,) in rows}


def test_documented_service_calls(demo: Demo, tmp_path: Path) -> None:
    """The documented calls of a service notify their recipients."""
    _, notice, answer, refusal, to_audience, message, trace = blocks_of("test_documented_service_calls")
    said = [json.loads(demo.run(notice.text)) for _ in range(2)]
    assert same_shape(said[0], json.loads(answer.text))
    assert said[0] == said[1], "the same key is the same event"
    wait_until(lambda: told_of(demo, "INVOICE_ISSUED") == {1, 2}, "users 1 and 2 do not have it")
    to_nobody = notice.text.replace('"recipients": [1, 2],', "")
    assert to_nobody != notice.text
    assert json.loads(demo.run(to_nobody)) == json.loads(refusal.text)
    assert same_shape(json.loads(demo.run(to_audience.text, TOKEN=demo.token)), json.loads(answer.text))
    wait_until(lambda: told_of(demo, "MAINTENANCE"), "nobody of the audience has it")
    file = tmp_path / "billing.py"
    file.write_text(demo.here(message.text))
    subprocess.run([sys.executable, file], check=True, env=demo.surroundings(), timeout=COMMAND_SECONDS)
    wait_until(lambda: told_of(demo, "INVOICE_PAID") == {1}, "user 1 does not have what came as a message")
    story = demo.run(trace.text, **demo.webs_environment())
    assert "recorded as event" in story
    assert "(INVOICE_ISSUED, 2 recipients) published" in story


def test_additional_workers(demo: Demo) -> None:
    """The documented commands start further workers, which take part."""
    (block,) = blocks_of("test_additional_workers")
    names = []
    with ExitStack() as stack:
        for number, line in enumerate(block.text.replace("\\\n", "").splitlines()):
            more = Process(
                f"more-{number}",
                "bash",
                "-c",
                f"exec {line}",
                **demo.webs_environment(),
                PATH=demo.surroundings()["PATH"],
            )
            stack.enter_context(more)
            names.append(line.split("--hostname=")[1].split("@")[0] + "@")
        ping = "celery -A clarion.pipeline inspect ping"
        assert f"`{ping}`" in (ROOT / "docs/operations.md").read_text()
        answers: list[str] = [""]

        def all_answer() -> bool:
            answers[0] = demo.run(ping, **demo.webs_environment())
            return all(f"{name}" in answers[0] for name in [*names, "live@", "bursts@", "jobs@"])

        wait_until(all_answer, lambda: answers[0])


async def test_addresses_of_demo(demo: Demo) -> None:
    """Each address of the block shows its content in a browser, to the person that the block names."""
    shown = demo.run("make --silent urls")
    assert "\n".join(shown.splitlines()[2:-1]) in demo.said()
    addresses = dict(re.findall(r"^(\w[\w ]+?)  +(http://\S+)", shown, re.M))
    password = re.search(r"password (\S+)\)", shown)
    assert password
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(needed(CHROMIUM)), args=ARGUMENTS)
        credentials: Any = {"username": "clarion", "password": password[1], "origin": addresses["Flower"].rstrip("/")}
        context = await chromium.new_context(http_credentials=credentials)
        page = await context.new_page()
        await page.goto(f"{addresses['Forum']}admin/login/")
        await page.fill("[name=username]", "mia")
        await page.fill("[name=password]", "clarion-demo")
        await page.click("[type=submit]")
        assert addresses.keys() == CONTENTS.keys()
        for name, content in CONTENTS.items():
            await page.goto(addresses[name])
            await expect(page.get_by_text(content).first).to_be_visible(timeout=60_000)
        await chromium.close()


def test_dead_process_restarted(demo: Demo) -> None:
    """A process that dies is started again, and so is a server."""
    members = children.carrying(MARK, str(DATA / str(demo.base)))
    jobs = [one for one in members if any("jobs@" in word for word in one.cmdline()) and one.name() != "sh"]
    listening = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == demo.port("valkey")]
    valkey = [psutil.Process(one.pid) for one in listening if one.status == psutil.CONN_LISTEN][:1]
    for name, processes in (("worker-jobs was ended by SIGKILL", jobs), ("Valkey has ended", valkey)):
        assert processes
        for one in processes:
            one.kill()
        again = f"{name} and is started again"
        wait_until(lambda again=again: again in demo.said(), again)  # type: ignore[misc]
    assert "No problem was found." in demo.run('make --silent manage ARGS="clarion doctor --wait=20"')


def test_make_commands_on_demo(demo: Demo) -> None:
    """The documented make commands run against the demo and lose no notification."""
    lines = [line for block in blocks_of("test_make_commands_on_demo") for line in block.text.splitlines()]
    assert len(lines) >= 4
    for line in dict.fromkeys(lines):
        fewer = FEWER if line == "make lanes" else {}
        figures = json.loads(demo.run(line, **fewer).splitlines()[-1])
        if "lost" in figures:
            assert (figures["lost"], figures["repeated"], figures["out_of_order"]) == (0, 0, 0)
            assert figures["received"] == figures["online"] * figures["storm"]
        else:
            assert figures["mentions_idle"] > 0
            assert figures["mentions_busy"] > 0
