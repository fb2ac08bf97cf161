"""The live edge of the test kit, in runs of pytest of its own: its fixture, Django's test cases, and its refusals."""

import os
from pathlib import Path

import pytest
from django.test import TestCase

from clarion.testing import EdgeNotReady, live_edge
from tests.plugin_runs import STEPS, run

PAGES = """
import json
from contextlib import contextmanager

from django.test import Client, LiveServerTestCase
from websockets.sync.client import connect

from clarion import get_settings
from clarion.testing import deliver, live_edge
from clarion.testing.factories import NotificationFactory


@contextmanager
def frames(edge, origin, user):
    client = Client()
    client.force_login(user)
    cookie = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    with connect(edge.socket_url, origin=origin, additional_headers=cookie) as socket:
        assert json.loads(socket.recv(10))["type"] == "CONNECTED"

        def next_frame():
            frame = json.loads(socket.recv(10))
            return frame["notificationType"], frame["data"]

        yield next_frame


def test_fixture(clarion_edge, live_server):
    user = ann()
    assert get_settings().public_edge_port == clarion_edge.port
    with frames(clarion_edge, live_server.url, user) as next_frame:
        praise(user)
        assert next_frame() == ("PRAISE", {"title": "Good"})
        NotificationFactory(user=user, kind="NEWS")
        assert next_frame() == ("NEWS", {})
        with deliver() as delivered:
            record(NoticeGiven(kind="PRAISE", recipients=[user.pk]), key="in a block")
        assert_notified(delivered, user, "PRAISE")
        assert next_frame() == ("PRAISE", {})


class TestPages(LiveServerTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.edge = cls.enterClassContext(live_edge(cls.live_server_url))

    def test_first(self):
        user = ann()
        with frames(self.edge, self.live_server_url, user) as next_frame:
            praise(user)
            assert next_frame()[0] == "PRAISE"

    test_second = test_first


def test_isolated_again():
    assert isinstance(channel_layer(), SilentLayer)
    assert get_settings().public_edge_port is None
"""

WITHOUT_REDIS = """
import socket

from clarion.testing import EdgeNotReady, live, live_edge


def test_without_redis(transactional_db, monkeypatch):
    monkeypatch.setattr(live, "START_SECONDS", 4)
    with pytest.raises(EdgeNotReady, match="the edge reaches no Redis: .* CHANNEL_LAYER_URL"), live_edge():
        pass


def test_ended_edge(transactional_db, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setattr(live, "_free_port", lambda: other.getsockname()[1])
        with pytest.raises(EdgeNotReady, match="has ended with exit code 1:") as ended, live_edge():
            pass
    assert "Address already in use" in str(ended.value)
"""


def test_live_edge_in_tests(django_db_setup: None, tmp_path: Path) -> None:
    """Frames reach the sockets of the fixture, and of a test case that has one edge for all of its tests."""
    output = run(tmp_path, STEPS + PAGES, CHANNEL_LAYER_URL=os.environ["CHANNEL_LAYER_URL"])
    assert " 4 passed" in output, output


def test_live_edge_not_ready(django_db_setup: None, tmp_path: Path) -> None:
    """An edge without Redis, and one that ends, fail the test with the reason."""
    output = run(tmp_path, STEPS + WITHOUT_REDIS)
    assert " 2 passed" in output, output


class InTestCase(TestCase):
    """Within the transaction of a TestCase."""

    def test_live_edge_in_transaction(self) -> None:
        """It is refused, because an edge would not see its rows."""
        with pytest.raises(EdgeNotReady, match="LiveServerTestCase or a TransactionTestCase"), live_edge():
            pass
