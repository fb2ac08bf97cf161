"""The commands of operators: pause and resume a kind, drain an edge; and every documented command."""

import re
import shlex
from io import StringIO

import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, get_commands
from django.db.models.functions import Now
from django.utils import timezone

from clarion.pipeline import delivery
from clarion.pipeline.outbox.models import Batch, Event, Pause
from clarion.shared.channel_layer import channel_layer
from clarion.shared.edge_status import edge_group
from clarion.shared.inbox.models import Announcement, Notification
from tests import environment
from tests.docs.blocks import ROOT
from tests.integration.steps import happened

pytestmark = pytest.mark.django_db(transaction=True)


def said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue()


def test_pause_and_resume_commands(people: list[User], broker: redis.Redis) -> None:
    """Notifications of a kind wait from `pause` to `resume`."""
    assert said("pause") == said("resume") == "No kind is paused.\n"
    assert said("pause", "GATHERED") == "The kind GATHERED is paused; workers follow within a second.\n"
    event_id = happened(gathered=people[:1])
    delivery.expand(event_id)
    assert not Notification.objects.exists()
    listed = r"GATHERED  1 wait  since [\d-]{10} [\d:]{8} UTC, by \w+\n"
    assert re.fullmatch(listed, said("pause"))
    assert said("pause") == said("resume")
    assert said("resume", "GATHERED") == "The kind GATHERED is resumed; 1 held events and batches are enqueued.\n"
    delivery.expand(event_id)
    assert Notification.objects.get().recipient_id == people[0].pk


def test_pause_undeclared_kind(db: None) -> None:
    """An undeclared kind is paused only with `--undeclared`."""
    with pytest.raises(CommandError, match=r"no kind INVOICE is declared; these are: .*GATHERED"):
        said("pause", "INVOICE")
    assert not Pause.objects.exists()
    said("pause", "INVOICE", "--undeclared")
    assert Pause.objects.get().kind == "INVOICE"
    with pytest.raises(CommandError, match="1 to 64 characters"):
        said("pause", "X" * 65, "--undeclared")


def test_repeated_pause_and_resume(db: None) -> None:
    """Pausing a paused kind, or resuming an active one, is an error."""
    said("pause", "GATHERED")
    with pytest.raises(CommandError, match="GATHERED is already paused"):
        said("pause", "GATHERED")
    with pytest.raises(CommandError, match="FLEETING is not paused; these are: GATHERED"):
        said("resume", "FLEETING")
    assert Pause.objects.count() == 1


def test_pause_by_nameless_account(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """An account without a name can pause a kind."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)
    said("pause", "GATHERED")
    assert said("pause").endswith(" UTC\n")


def test_drain_unknown_edge(valkey: str) -> None:
    """Draining an unknown edge is an error."""
    for name in ("nowhere", "a name that is none: \N{SNOWMAN}"):
        with pytest.raises(CommandError, match=f"no edge {name} is subscribed"):
            said("drain", name)
    with pytest.raises(CommandError, match="name"):
        said("drain", "--take")
    assert edge_group("nowhere") not in said("drain")


def test_drain_without_channel_layer(valkey: str) -> None:
    """Draining without a channel layer is an error."""
    environment.VALKEY.stop()
    try:
        for words in (["drain"], ["drain", "edge-1"]):
            with pytest.raises(CommandError, match="the channel layer does not answer"):
                said(*words)
    finally:
        environment.VALKEY.start()


# Every command that the documents name, as it is written there.

#: The constant part of its output, if there is one.
ANSWERS = {
    "check": "",  # its findings depend on the settings; errors would be raised
    "dead_letters": r"(event (17|18)  .*\n)*batch 3  .*: Boom\n",
    "dead_letters discard": "1 discarded\n",
    "dead_letters replay": "[12] replayed\n",
    "drain": r"No edge has reported recently\.\n|\S+  \d+ sockets\n",  # the one that other tests have may have
    "drain edge-1": "The edge edge-1 received the command.\n",
    "migrate": r"Operations to perform:",
    "new_epoch": r"The epoch is \w+ now",
    "pause": r"No kind is paused\.|MENTION  0 wait",
    "pause MENTION": "The kind MENTION is paused",
    "personal_data erase": "0 notifications erased",
    "personal_data export": r'\{"inbox": \{"user": "7"',
    "resume": "The kind [A-Z_]+ is resumed; 0 held events and batches are enqueued",
    "trace": r"[\d:.]+ +\+0\.0 ms  recorded as event 17, tests\.thing\.happened\.v1",
}


def documented() -> list[str]:
    """The commands after `python -m django`, in text and tables, without placeholders."""
    found: dict[str, None] = {}
    for name in ("docs/commands.md", "docs/operations.md", "docs/runbook.md"):
        paragraphs = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(), flags=re.M | re.S).split("\n\n")
        for before, paragraph in zip(["", *paragraphs], paragraphs, strict=False):
            spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", paragraph)]
            listed = paragraph.startswith("|") and "`python -m django …`" in before + paragraph.partition("\n")[0]
            for span in spans:
                command = span.removeprefix("python -m django ")
                if (command != span or listed) and command.split()[0] in get_commands():
                    found[command] = None
    return list(found)


def prepared(command: str) -> None:
    """Make the rows that the documents assume: events 17 and 18, a batch 3, kinds that are paused or not."""
    Event.objects.update(state="failed", finished_at=Now())
    Batch.objects.update(state="failed", finished_at=Now())
    match command.split():
        case ["pause", kind]:
            Pause.objects.filter(kind=kind).delete()
        case ["resume", kind]:
            Pause.objects.get_or_create(kind=kind)


def test_documented_commands(people: list[User], broker: redis.Redis) -> None:
    """Every documented command gives the expected output."""
    for number, key in ((17, "forum.message.posted:5"), (18, "forum.message.posted:6")):
        happened(key, first=people[:1])
        Event.objects.filter(key=key).update(id=number, error="Boom")
    told = Announcement.objects.create(event_id=17, kind="FIRST", data={}, created_at=timezone.now())
    Batch.objects.create(
        id=3,
        event_id=17,
        announcement_id=told.pk,
        number=1,
        recipients=[],
        next_attempt_at=timezone.now(),
        error="Boom",
    )
    layer = redis.Redis.from_url(environment.VALKEY.database_url(1), protocol=2)
    with layer, layer.pubsub(ignore_subscribe_messages=True) as an_edge:
        an_edge.subscribe(channel_layer().channel_of(edge_group("edge-1")))
        an_edge.get_message(timeout=30)
        commands = documented()
        assert len(commands) > 15, commands
        for command in commands:
            prepared(command)
            expected = max((begin for begin in ANSWERS if command.startswith(begin)), key=len)
            answer = said(*shlex.split(command))
            assert re.match(ANSWERS[expected], answer), f"{command}: {answer}"
        assert an_edge.get_message(timeout=30), "the edge was not told"
