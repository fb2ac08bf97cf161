"""The forum's pages for muting, for bursts and for two people side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from clarion.pipeline import delivery
from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Mute, Notification
from examples.forum.views.mutes import GROUPS
from tests.factories import MessageFactory, ThreadFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(**fields: Any) -> tuple[User, Client]:
    user, client = UserFactory.create(**fields), Client()
    client.force_login(user)
    return user, client


def expanded() -> None:
    for pk in Event.objects.filter(state="pending").values_list("pk", flat=True):
        delivery.expand(pk)


def test_what_is_unchecked_is_not_heard_and_what_is_checked_again_is(valkey: str) -> None:
    ann, client = signed_in()
    place = ThreadFactory.create(author=ann)
    everything = list(GROUPS)
    client.post("/settings/", {"heard": [group for group in everything if group != "Messages in threads I write in"]})
    MessageFactory.create(thread=place)
    expanded()
    assert not Notification.objects.filter(recipient_id=ann.pk).exists()
    assert client.get("/settings/").content.count(b"checked") == len(everything) - 1
    client.post("/settings/", {"heard": everything})
    MessageFactory.create(thread=place)
    expanded()
    assert Notification.objects.filter(recipient_id=ann.pk).count() == 1
    assert not Mute.objects.exists()


def test_every_kind_of_the_forum_can_be_chosen() -> None:
    golden = json.loads((Path(__file__).parents[1] / "contracts/golden/kinds.json").read_text())
    assert {kind for kinds in GROUPS.values() for kind in kinds} == set(golden)


def test_a_thread_is_muted_on_its_page_and_heard_again(valkey: str) -> None:
    ann, client = signed_in()
    place = ThreadFactory.create(author=ann)
    assert client.post(f"/threads/{place.pk}/mute/").headers["Location"] == place.get_absolute_url()
    assert b"Hear of this thread again" in client.get(place.get_absolute_url()).content
    assert place.title.encode() in client.get("/settings/").content
    MessageFactory.create(thread=place)
    expanded()
    assert not Notification.objects.exists()
    answer = client.post(f"/threads/{place.pk}/mute/", {"hear": "yes", "next": "settings"})
    assert answer.headers["Location"] == "/settings/"
    assert not Mute.objects.exists()


def test_a_burst_is_for_staff_and_is_followed_to_its_end(valkey: str) -> None:
    _, outsider = signed_in()
    assert outsider.get("/operator/").status_code == 403
    assert outsider.get("/operator/1/").status_code == 403
    _, staff = signed_in(is_staff=True)
    assert staff.post("/operator/", {"recipients": "0"}).status_code == 200
    assert not Event.objects.exists()
    page = staff.post("/operator/", {"recipients": "7"}).headers["Location"]
    before = staff.get(page, headers={"accept": "application/json"}).json()
    assert (before["state"], before["stored"]) == ("pending", 0)
    expanded()
    after = staff.get(page, headers={"accept": "application/json"}).json()
    assert (after["state"], after["recipients"], after["stored"]) == ("done", 7, 7)
    assert b"expanded: 7 to tell" in staff.get(page).content


def test_two_people_side_by_side_only_where_doors_are_open(client: Client, settings: Settings, valkey: str) -> None:
    UserFactory.create(username="ann")
    ben = UserFactory.create(username="ben")
    assert client.get("/side-by-side/").status_code == 200
    assert client.post("/side-by-side/ann/say/", {"body": "hello"}).status_code == 201
    assert client.post("/side-by-side/ann/say/", {"body": "x" * 100_000}).status_code == 422
    expanded()
    assert Notification.objects.filter(recipient_id=ben.pk).exists()
    token = client.post("/side-by-side/ben/token/").json()["token"]
    inbox = Client(headers={"authorization": f"Bearer {token}"}).get("/api/inbox").json()
    assert "MENTION" in {one["notificationType"] for one in inbox["notifications"]}
    assert client.post("/side-by-side/mia/token/").status_code == 404
    settings.FORUM_OPEN_DOORS = False
    assert client.get("/side-by-side/").status_code == 404
    for path in ("token", "say"):
        assert client.post(f"/side-by-side/ann/{path}/").status_code == 404
