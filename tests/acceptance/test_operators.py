"""The view of operators on a real edge: its report, a drain by command, sockets again."""

import re
from collections.abc import Iterator
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from websockets.exceptions import ConnectionClosed

from clarion.shared import edge_status
from clarion.shared.channel_layer import channel_layer
from clarion.shared.edge_status import Report
from clarion.shared.protocol import Close
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled, person, until
from tests.client import connected, opened
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "the.edge-1"


@pytest.fixture
def named(valkey: str, db: None) -> Iterator[Edge]:
    """An edge that has a name of its own."""
    with Edge("named", CLARION_EDGE_NAME=NAME, CLARION_DRAIN_SECONDS="0.2", **on_test_database()) as process:
        yield process


def reported() -> Report | None:
    return {report.name: report for report in edge_status.load(channel_layer())}.get(NAME)


@sync_to_async
def asked(*words: str) -> str:
    """Run the command `drain`; return its output."""
    out = StringIO()
    call_command("drain", *words, stdout=out)
    return out.getvalue()


async def test_edge_report(named: Edge) -> None:
    """An edge reports its sockets, frames and delays."""
    ann = await person()
    async with connected(named.url, ann) as client:
        await filled(ann.pk, 3)
        await client.changes(3)
        await until(lambda: (found := reported()) and found.sockets == 1 and found.frames == 3, "no report")
    report = await sync_to_async(reported)()
    assert report is not None
    assert (report.draining, report.failed_repairs, report.lag[-1][0]) == (False, 0, None)
    assert report.started < report.at


async def test_drain_and_take(named: Edge) -> None:
    """A drained edge closes its sockets and refuses new ones until `--take`."""
    ann = await person()
    async with connected(named.url, ann) as client:
        await until(reported, "it does not report")
        assert any(line.startswith(f"{NAME}  ") for line in (await asked()).splitlines())
        assert await asked(NAME) == f"The edge {NAME} received the command.\n"
        assert (await client.next())["type"] == "GOING_AWAY"
        assert await client.closed() == Close.GOING_AWAY
    await until(lambda: named.http("/readyz").status_code == 503, "it says that it is ready")
    assert named.http("/healthz").status_code == 200
    assert named.http("/readyz").json()["sockets"] == 0
    assert named.metric("clarion_edge_sockets") == 0
    await until(lambda: (found := reported()) and found.draining and not found.sockets, "it does not report it")
    async with opened(named.url) as refused:
        assert (await refused.next())["type"] == "GOING_AWAY"
        with pytest.raises(ConnectionClosed):
            await refused.connection.recv()
    # Edges of other tests may have reported of late as well.
    assert f"{NAME} 0 sockets, drains" in [re.sub(" +", " ", line) for line in (await asked()).splitlines()]
    assert await asked(NAME, "--take") == f"The edge {NAME} received the command.\n"
    await until(named.is_up, "it takes no sockets again")
    async with connected(named.url, ann) as client:
        await client.nothing_came()
    assert await sync_to_async(named.stop)() == 0
