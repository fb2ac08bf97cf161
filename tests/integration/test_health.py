"""The page of health in the admin: its contents, permissions, and log entries."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from clarion.pipeline import delivery, persist
from clarion.pipeline.dashboard import sampling
from clarion.pipeline.outbox import pauses
from clarion.pipeline.outbox.models import Event, Pause, Sample
from clarion.pipeline.publish import channel_layer
from clarion.shared.edge_status import edge_group
from clarion.shared.inbox.models import Notification
from tests import environment
from tests.factories import UserFactory
from tests.integration.steps import failing_for, happened

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/clarion_pipeline/sample/"

Operator = Callable[..., Client]


@pytest.fixture
def operator(valkey: str) -> Operator:
    """A member of the staff with these permissions."""

    def somebody(*rights: str) -> Client:
        user: User = UserFactory.create(is_staff=True, username=f"op{User.objects.count()}")
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_sample", *rights]))
        assert user.user_permissions.count() == len({"view_sample", *rights})
        client = Client()
        client.force_login(user)
        return client

    return somebody


@pytest.fixture
def parked(people: list[User], monkeypatch: pytest.MonkeyPatch, valkey: str) -> Event:
    event_id = happened(first=people)
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: 1 / 0)
        failing_for(hours=2)
        with pytest.raises(ZeroDivisionError):
            delivery.expand(event_id)
    return Event.objects.get(pk=event_id)


def text(answer: HttpResponse) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_it_is_found_from_the_admins_first_page_by_those_who_may_look(operator: Operator) -> None:
    assert f'href="{PAGE}"' in text(operator().get("/admin/"))
    nobody = Client()
    nobody.force_login(UserFactory.create(is_staff=True))
    assert nobody.get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_it_answers_without_a_single_sample(operator: Operator) -> None:
    page = text(operator().get(PAGE))
    assert "Nothing was sampled yet" in page
    assert page.count('<svg class="clarion-plot"') == 5


def test_it_shows_what_was_sampled(operator: Operator, people: list[User], broker: redis.Redis) -> None:
    happened(first=people[:1])
    for _ in range(3):
        sampling.sample()
    page = text(operator().get(PAGE))
    assert "Nothing was sampled" not in page
    assert page.count("<polyline") >= 6, "two plots of three queues"
    assert "Hints on each queue: events 1, bursts 0, maintenance 0" in page


def test_samples_of_a_day_are_kept_and_thinned_for_the_plots(valkey: str) -> None:
    now = timezone.now()
    for number in range(100):
        Sample.objects.create(at=now - timedelta(minutes=16 * number), data={"number": number})
    sampling.sample()
    assert Sample.objects.count() == 1 + 90, "those of a day, and the new one"
    day = sampling.history(timedelta(days=1), timedelta(seconds=30))
    numbers = [data.get("number") for _, data in day]
    assert numbers[-1] is None, "the newest is always there"
    assert len(day) == 8
    assert [at for at, _ in day] == sorted(at for at, _ in day)


def test_a_page_has_no_inline_script_or_style_of_ours_and_obeys_the_policy(operator: Operator, parked: Event) -> None:
    sampling.sample()
    answer = operator("change_event", "change_batch", "add_pause", "drain_edge").get(PAGE)
    content = text(answer).split('id="content-main"')[1]
    assert not re.search(r"<script|<style|\bstyle=|\bon\w+=", content)
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_dead_letter_is_shown_replayed_and_noted(operator: Operator, parked: Event, people: list[User]) -> None:
    client = operator("change_event", "change_batch")
    page = text(client.get(PAGE))
    assert "1 dead letters: a person must look at them" in page
    assert "ZeroDivisionError: division by zero" in page
    answer = client.post(PAGE, {"act": "replay", "work": "event", "id": parked.pk}, follow=True)
    assert "1 replayed." in text(answer)
    delivery.expand(parked.pk)
    assert Notification.objects.count() == len(people)
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == (f"event {parked.pk}", "Replayed 1 dead letters")
    assert entry.user.is_staff


def test_all_dead_letters_are_discarded(operator: Operator, parked: Event) -> None:
    client = operator("change_event", "change_batch")
    assert "1 discarded." in text(client.post(PAGE, {"act": "discard", "work": "event", "all": "1"}, follow=True))
    assert Event.objects.get().state == "done"
    assert LogEntry.objects.get().change_message == "Discarded 1 dead letters"


def test_the_lists_of_the_admin_note_it_too(operator: Operator, parked: Event) -> None:
    client = operator("view_event", "change_event")
    client.post("/admin/clarion_pipeline/event/", {"action": "replay", "_selected_action": parked.pk})
    assert LogEntry.objects.get().change_message == "Replayed 1 dead letters"


def test_a_kind_is_paused_and_resumed(operator: Operator, people: list[User]) -> None:
    client = operator("add_pause", "delete_pause")
    assert "The kind FIRST is paused, within a second." in text(
        client.post(PAGE, {"act": "pause", "name": " FIRST "}, follow=True)
    )
    delivery.expand(happened(first=people[:1]))
    assert "The kind FIRST is paused; 1 events and batches wait." in text(client.get(PAGE))
    assert Pause.objects.get().paused_by.startswith("op")
    assert "The kind FIRST goes on; 1 had waited." in text(
        client.post(PAGE, {"act": "resume", "name": "FIRST"}, follow=True)
    )
    assert not Pause.objects.exists()
    notes = list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))
    assert notes == [("FIRST", "Paused the kind"), ("FIRST", "Resumed the kind; 1 events and batches had waited")]


@pytest.mark.parametrize("name", ["", "  ", "X" * 65])
def test_what_names_no_kind_is_not_paused(operator: Operator, name: str) -> None:
    page = text(operator("add_pause").post(PAGE, {"act": "pause", "name": name}, follow=True))
    assert "Say which." in page
    assert not Pause.objects.exists()


def test_an_edge_that_does_not_listen_is_said_to(operator: Operator) -> None:
    page = text(operator("drain_edge").post(PAGE, {"act": "drain", "name": "nowhere"}, follow=True))
    assert "No edge nowhere listens." in page
    assert LogEntry.objects.get().change_message == "Asked it to drain; it did not hear"
    assert channel_layer().listening([edge_group("nowhere")]) == [0]


@pytest.mark.parametrize(
    "act,right",
    [
        ("replay", "change_event"),
        ("discard", "change_event"),
        ("pause", "add_pause"),
        ("resume", "delete_pause"),
        ("drain", "drain_edge"),
        ("take", "drain_edge"),
    ],
)
def test_an_act_needs_its_right(operator: Operator, act: str, right: str) -> None:
    pauses.pause("FIRST")
    others = {"change_event", "add_pause", "delete_pause", "drain_edge", "change_batch"} - {right}
    asked: dict[str, Any] = {"act": act, "name": "FIRST", "work": "event", "all": "1"}
    assert operator(*others).post(PAGE, asked).status_code == 403
    assert pauses.waiting() == {}
    assert Pause.objects.count() == 1
    assert not LogEntry.objects.exists()
    assert operator(right).post(PAGE, asked).status_code == 302


def test_buttons_are_there_for_those_who_may_press_them(operator: Operator, parked: Event) -> None:
    assert "<button" not in text(operator().get(PAGE)).split('id="content-main"')[1]
    assert 'value="replay"' in text(operator("change_event", "change_batch").get(PAGE))
    assert 'value="pause"' in text(operator("add_pause").get(PAGE))


def test_what_is_no_act_and_what_comes_from_elsewhere_is_refused(operator: Operator) -> None:
    assert operator().post(PAGE, {"act": "explode"}).status_code == 403
    assert operator().post(PAGE).status_code == 403
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    assert careful.post(PAGE, {"act": "pause", "name": "FIRST"}).status_code == 403
    assert not Pause.objects.exists()


def test_it_stands_while_redis_is_away(operator: Operator) -> None:
    client = operator("drain_edge")
    environment.VALKEY.stop()
    try:
        page = text(client.get(PAGE))
        answer = text(client.post(PAGE, {"act": "drain", "name": "edge-1"}, follow=True))
    finally:
        environment.VALKEY.start()
    assert "The broker does not answer" in page
    assert "The channel layer does not answer: sockets live on what they read." in page
    assert "The channel layer does not answer: the edge was not asked." in answer
