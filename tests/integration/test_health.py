"""The page of health in the admin: its contents, permissions, and log entries."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from clarion.pipeline import delivery, persist
from clarion.pipeline.dashboard import sampling
from clarion.pipeline.outbox import pauses
from clarion.pipeline.outbox.models import Event, Pause, Sample
from clarion.shared import edge_status
from clarion.shared.channel_layer import channel_layer
from clarion.shared.edge_status import edge_group
from clarion.shared.inbox.models import Notification
from tests import environment
from tests.docs.blocks import ROOT, blocks_of
from tests.factories import UserFactory
from tests.integration.steps import failing_for, happened

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/clarion_pipeline/sample/health/"

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


def test_health_page_permission(operator: Operator) -> None:
    """The health page is linked from the admin and needs its permission."""
    assert 'href="/admin/clarion_pipeline/sample/"' in text(operator().get("/admin/"))
    assert operator().get("/admin/clarion_pipeline/sample/").headers["location"] == PAGE
    nobody = Client()
    nobody.force_login(UserFactory.create(is_staff=True))
    assert nobody.get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_menu_of_operators(operator: Operator, parked: Event) -> None:
    """The menu leads to the pages that the user may view and has the number of dead letters; others have none."""
    client = operator("view_event")
    menu = text(client.get(PAGE)).split('class="clarion-operations"')[1].split("</nav>")[0]
    assert re.findall(r">([A-Z][\w ]+?)(?: <|<)", menu) == ["Health", "Events", "Dead letters", "Runbook"]
    assert '<span class="some">1</span>' in menu
    assert f'href="{PAGE}" aria-current="page"' in menu
    for address in re.findall(r'href="([^"#]+)', menu):
        assert client.get(address).status_code == 200, address
    nobody = Client()
    nobody.force_login(UserFactory.create(is_staff=True, is_superuser=False))
    assert "clarion-operations" not in nobody.get("/admin/").content.decode()


def test_documented_menu_in_admin(operator: Operator) -> None:
    """The documented template, which is the demo's, puts the menu on the first page of the admin."""
    (block,) = blocks_of("test_documented_menu_in_admin")
    assert block.text == (ROOT / "examples/forum/templates/admin/index.html").read_text()
    assert "clarion-operations" in text(operator().get("/admin/"))


def test_runbook_link_of_finding(operator: Operator) -> None:
    """A finding links to its section of the runbook, which the admin shows."""
    client = operator()
    (address,) = re.findall(r'href="([^"#]+)#work-waits"', text(client.get(PAGE)))
    assert '<h2 id="work-waits">' in text(client.get(address))
    assert Client().get(address).status_code == 302


def test_health_page_without_samples(operator: Operator) -> None:
    """The page shows empty plots and a finding if no sample exists."""
    page = text(operator().get(PAGE))
    assert "No sample yet" in page
    assert page.count('<svg class="clarion-plot"') == 5


def test_health_page_with_samples(operator: Operator, people: list[User], broker: redis.Redis) -> None:
    """The page shows the sampled values and the hints on each queue."""
    happened(first=people[:1])
    for _ in range(3):
        sampling.sample()
    page = text(operator().get(PAGE))
    assert "No sample" not in page
    assert page.count("<polyline") >= 6, "two plots of three queues"
    assert "Messages on each queue: events 1, bursts 0, maintenance 0" in page


def test_edge_rows(operator: Operator, valkey: str) -> None:
    """Each edge has a row with the numbers that it has reported."""
    now = time.time()
    report = edge_status.Report("edge-of-this-test", now, now, draining=False, sockets=1234, frames=5678, gaps=9)

    async def save() -> None:
        await edge_status.save(channel_layer().loop_layer(), report)

    async_to_sync(save)()
    row = re.search(r"edge-of-this-test</th>(.*?)</tr>", text(operator().get(PAGE)), re.DOTALL)
    assert row is not None
    assert re.findall(r"<td>(\w+)</td>", row[1]) == ["1234", "5678", "9", "0", "accepting"]


def test_sample_retention(valkey: str) -> None:
    """The samples of a day are kept, and thinned for the plots."""
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


def test_health_page_security_policy(operator: Operator, parked: Event) -> None:
    """The page has no inline scripts or styles and sends a content security policy."""
    sampling.sample()
    answer = operator("change_event", "change_batch", "add_pause", "drain_edge").get(PAGE)
    content = text(answer).split('id="content-main"')[1]
    assert not re.search(r"<script|<style|\bstyle=|\bon\w+=", content)
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_replay_dead_letter_on_page(operator: Operator, parked: Event, people: list[User]) -> None:
    """A dead letter is shown and replayed, and the action is logged."""
    client = operator("change_event", "change_batch")
    page = text(client.get(PAGE))
    assert "1 dead letters: replay or discard them" in page
    assert "ZeroDivisionError: division by zero" in page
    answer = client.post(PAGE, {"act": "replay", "work": "event", "id": parked.pk}, follow=True)
    assert "1 replayed." in text(answer)
    delivery.expand(parked.pk)
    assert Notification.objects.count() == len(people)
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == (
        f"Replayed 1 dead letters: event {parked.pk}",
        "Replayed 1 dead letters",
    )
    assert entry.user.is_staff


def test_discard_all_dead_letters(operator: Operator, parked: Event) -> None:
    """All dead letters are discarded in one action, which is logged."""
    client = operator("change_event", "change_batch")
    asked = {"act": "discard", "work": "event", "all": "1"}
    question = text(client.post(PAGE, asked))
    assert "Discard 1 event?" in question
    assert "This cannot be undone." in question
    assert Event.objects.get().state == "failed"
    assert "1 discarded." in text(client.post(PAGE, asked | {"sure": "1"}, follow=True))
    assert Event.objects.get().state == "done"
    assert LogEntry.objects.get().change_message == "Discarded 1 dead letters"


def test_replay_in_admin_list_logged(operator: Operator, parked: Event) -> None:
    """A replay in a list of the admin is logged too."""
    client = operator("view_event", "change_event")
    client.post("/admin/clarion_pipeline/event/", {"action": "replay", "_selected_action": parked.pk})
    assert LogEntry.objects.get().change_message == "Replayed 1 dead letters"


def test_pause_and_resume_on_page(operator: Operator, people: list[User]) -> None:
    """A kind is paused and resumed, and both actions are logged."""
    client = operator("add_pause", "delete_pause")
    assert "The kind FIRST is paused; workers follow within a second." in text(
        client.post(PAGE, {"act": "pause", "name": " FIRST ", "undeclared": "1"}, follow=True)
    )
    delivery.expand(happened(first=people[:1]))
    assert "The kind FIRST is paused; 1 events and batches are held." in text(client.get(PAGE))
    assert Pause.objects.get().paused_by.startswith("op")
    assert "The kind FIRST is resumed; 1 held events and batches are enqueued." in text(
        client.post(PAGE, {"act": "resume", "name": "FIRST"}, follow=True)
    )
    assert not Pause.objects.exists()
    notes = list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))
    done = ("Paused the kind", "Resumed the kind; 1 held events and batches")
    assert notes == [(f"{message}: FIRST", message) for message in done]


def test_pause_undeclared_kind_on_page(operator: Operator) -> None:
    """A kind that is not declared is paused only if the box is ticked."""
    client = operator("add_pause")
    assert "No kind INVOICE is declared." in text(client.post(PAGE, {"act": "pause", "name": "INVOICE"}, follow=True))
    assert not Pause.objects.exists()
    client.post(PAGE, {"act": "pause", "name": "INVOICE", "undeclared": "1"})
    assert Pause.objects.get().kind == "INVOICE"


@pytest.mark.parametrize("name", ["", "  ", "X" * 65])
def test_pause_without_kind(operator: Operator, name: str) -> None:
    """An empty or too long name of a kind is refused."""
    page = text(operator("add_pause").post(PAGE, {"act": "pause", "name": name}, follow=True))
    assert "Name the object of the action." in page
    assert not Pause.objects.exists()


def test_drain_unknown_edge_on_page(operator: Operator) -> None:
    """Draining an unknown edge shows that it does not listen, and is logged."""
    page = text(operator("drain_edge").post(PAGE, {"act": "drain", "name": "nowhere", "sure": "1"}, follow=True))
    assert "No edge nowhere is subscribed." in page
    assert LogEntry.objects.get().change_message == "Drain command was not received"
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
def test_action_permissions(operator: Operator, act: str, right: str) -> None:
    """Each action needs its own permission."""
    pauses.pause("FIRST")
    others = {"change_event", "add_pause", "delete_pause", "drain_edge", "change_batch"} - {right}
    asked: dict[str, Any] = {"act": act, "name": "FIRST", "work": "event", "all": "1", "sure": "1"}
    assert operator(*others).post(PAGE, asked).status_code == 403
    assert pauses.waiting() == {}
    assert Pause.objects.count() == 1
    assert not LogEntry.objects.exists()
    assert operator(right).post(PAGE, asked).status_code == 302


def test_buttons_by_permission(operator: Operator, parked: Event) -> None:
    """Buttons are shown only to users with their permissions."""
    assert "<button" not in text(operator().get(PAGE)).split('id="content-main"')[1]
    assert 'value="replay"' in text(operator("change_event", "change_batch").get(PAGE))
    assert 'value="pause"' in text(operator("add_pause").get(PAGE))


def test_unknown_or_forged_action(operator: Operator) -> None:
    """Unknown actions and requests without a CSRF token are refused."""
    assert operator().post(PAGE, {"act": "explode"}).status_code == 403
    assert operator().post(PAGE).status_code == 403
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    assert careful.post(PAGE, {"act": "pause", "name": "FIRST"}).status_code == 403
    assert not Pause.objects.exists()


def test_health_page_without_redis(operator: Operator) -> None:
    """The page works and shows the outage while Redis is unavailable."""
    client = operator("drain_edge")
    environment.VALKEY.stop()
    try:
        page = text(client.get(PAGE))
        answer = text(client.post(PAGE, {"act": "drain", "name": "edge-1", "sure": "1"}, follow=True))
    finally:
        environment.VALKEY.start()
    assert "The broker does not answer" in page
    assert "The channel layer does not answer: sockets get notifications only from position checks." in page
    assert "The channel layer does not answer, so the edge did not receive the command. Try again." in answer
