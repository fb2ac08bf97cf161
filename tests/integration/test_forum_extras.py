"""The forum's pages for muting, for bursts and for two users side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Mute
from clarion.testing import assert_not_notified, assert_notified, deliver
from examples.forum.views.mutes import GROUPS
from tests.factories import MessageFactory, ThreadFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(**fields: Any) -> tuple[User, Client]:
    user, client = UserFactory.create(**fields), Client()
    client.force_login(user)
    return user, client


def test_notification_settings(valkey: str) -> None:
    """The page offers each group of kinds as one choice, and names the muted threads."""
    ann, client = signed_in()
    place = ThreadFactory.create(author=ann)
    Mute.objects.create(user_id=ann.pk, topic=place.topic)
    page = client.get("/settings/").content.decode()
    for group, kinds in GROUPS.items():
        assert f'<option value="{" ".join(kinds)}">{group}</option>' in page
    assert f'<option data-topic="{place.topic}">{place.title}</option>' in page


def test_kinds_in_settings() -> None:
    """Every kind of the forum is in one of the groups of the settings page."""
    golden = json.loads((Path(__file__).parents[1] / "contracts/golden/kinds.json").read_text())
    assert {kind for kinds in GROUPS.values() for kind in kinds} == set(golden)


def test_mute_and_unmute_thread(valkey: str) -> None:
    """A thread is muted on its page, and unmuted again."""
    ann, client = signed_in()
    place = ThreadFactory.create(author=ann)
    assert client.post(f"/threads/{place.pk}/mute/").headers["Location"] == place.get_absolute_url()
    assert b"Unmute this thread" in client.get(place.get_absolute_url()).content
    assert place.title.encode() in client.get("/settings/").content
    with deliver() as delivered:
        MessageFactory.create(thread=place)
    assert_not_notified(delivered, ann)
    client.post(f"/threads/{place.pk}/mute/", {"hear": "yes"})
    assert not Mute.objects.exists()


def test_burst_page(valkey: str) -> None:
    """Only staff may start a burst, and its page shows the progress to the end."""
    _, outsider = signed_in()
    assert outsider.get("/operator/").status_code == 403
    assert outsider.get("/operator/1/").status_code == 403
    _, staff = signed_in(is_staff=True)
    assert staff.post("/operator/", {"recipients": "0"}).status_code == 200
    assert not Event.objects.exists()
    with deliver():
        page = staff.post("/operator/", {"recipients": "7"}).headers["Location"]
        before = staff.get(page, headers={"accept": "application/json"}).json()
        assert (before["state"], before["stored"]) == ("pending", 0)
    after = staff.get(page, headers={"accept": "application/json"}).json()
    assert (after["state"], after["recipients"], after["stored"]) == ("done", 7, 7)
    assert b"expanded: 7 recipients" in staff.get(page).content


def test_side_by_side_page(client: Client, settings: Settings, valkey: str) -> None:
    """The page with two users works without sign-in, but only while doors are open."""
    UserFactory.create(username="ann")
    ben = UserFactory.create(username="ben")
    assert client.get("/side-by-side/").status_code == 200
    with deliver() as delivered:
        assert client.post("/side-by-side/ann/say/", {"body": "hello"}).status_code == 201
        assert client.post("/side-by-side/ann/say/", {"body": "x" * 100_000}).status_code == 422
    assert_notified(delivered, ben, "MENTION")
    token = client.post("/side-by-side/ben/token/").json()["token"]
    inbox = Client(headers={"authorization": f"Bearer {token}"}).get("/api/inbox").json()
    assert "MENTION" in {one["notificationType"] for one in inbox["notifications"]}
    assert client.post("/side-by-side/mia/token/").status_code == 404
    settings.FORUM_OPEN_DOORS = False
    assert client.get("/side-by-side/").status_code == 404
    for path in ("token", "say"):
        assert client.post(f"/side-by-side/ann/{path}/").status_code == 404
