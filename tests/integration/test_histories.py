"""Random histories of inboxes: each seq once, no hole in a log, exact counts, and every client up to date.

Each history starts from a seed, which a failure names: `HISTORIES_SEEDS=7 pytest tests/integration/test_histories.py`.
`HISTORIES_FACTOR` makes the histories longer.
"""

import os
import random
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connections

from clarion.pipeline import fanout
from clarion.shared.settings import get_settings
from tests.factories import UserFactory
from tests.integration.conftest import Frames
from tests.integration.histories import ALL, Actions, Client, replay, work_off
from tests.integration.inbox_faults import faults_of

pytestmark = pytest.mark.django_db(transaction=True)

SEEDS = [int(seed) for seed in os.environ.get("HISTORIES_SEEDS", "0,1,2,3,4,5,6,7").split(",")]
#: Actions of a history, together a third of a minute in CI.
STEPS = 120 * int(os.environ.get("HISTORIES_FACTOR", "1"))
STEPS_OF_A_THREAD = 50 * int(os.environ.get("HISTORIES_FACTOR", "1"))
THREADS = 4
#: Changes that one reconnect may replay, so that some are behind.
REPLAY_LIMITS = (10, ALL)
#: Changes that one read of the log takes.
PAGES = (3, ALL)


@pytest.fixture
def people() -> list[User]:
    return [UserFactory.create() for _ in range(3)]


@pytest.fixture(autouse=True)
def _inline_and_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some events are delivered by the task that expands them, some by batches of two."""
    small = get_settings().model_copy(update={"deliver_at_once": 0, "batch_size": 2})
    either = random.Random(1)
    monkeypatch.setattr(fanout, "get_settings", lambda: either.choice([small, get_settings()]))


@pytest.mark.parametrize("seed", SEEDS)
def test_sequential_histories(people: list[User], published: Frames, seed: int) -> None:
    """After each action of a random history the inboxes and clients are consistent."""
    chance = random.Random(seed)
    actions = Actions(chance, people)
    clients = [Client.fresh(person.pk) for person in people]
    for step in range(STEPS):
        actions.act()
        for person in people:
            assert not faults_of(person.pk), (seed, step, actions.did[-3:])
        if chance.random() < 0.3:
            clients.append(Client.fresh(chance.choice(people).pk))
        if chance.random() < 0.3:
            _resumes(chance.choice(clients), actions, seed, chance.choice(REPLAY_LIMITS), chance.choice(PAGES))
    work_off(actions)
    for client in clients:
        _resumes(client, actions, seed)
    _check_published(people, published, actions.erased)


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_concurrent_histories(people: list[User], published: Frames, seed: int) -> None:
    """After random actions in four threads the inboxes and clients are consistent."""
    every = [Actions(random.Random(f"{seed} {number}"), people, alone=False) for number in range(THREADS)]
    clients = [Client.fresh(person.pk) for person in people]
    errors: list[str] = []

    def run(actions: Actions) -> None:
        try:
            for _ in range(STEPS_OF_A_THREAD):
                actions.act()
                client = Client.fresh(actions.random.choice(people).pk)
                if actions.random.random() < 0.1:
                    clients.append(client)
        except Exception as error:  # noqa: BLE001 - shown below, with the seed
            errors.append(f"{actions.did[-1]}: {error!r}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(actions,)) for actions in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, (seed, errors)
    work_off(every[0])
    every[0].erased.update(*(actions.erased for actions in every))
    for person in people:
        assert not faults_of(person.pk), seed
    for client in clients:
        _resumes(client, every[0], seed)
    _check_published(people, published, every[0].erased)


def _resumes(client: Client, actions: Actions, seed: int, limit: int = ALL, page: int = ALL) -> None:
    before = client.head.seq
    client.resume(limit, page)
    wrong = client.differs(Client.fresh(client.user), erased=bool(actions.erased))
    assert not wrong, (seed, client.user, before, wrong[:5])


def _check_published(people: list[User], published: Frames, erased: set[int]) -> None:
    """Each seq was published, always as the same change; nothing that was rolled back; and a live client is right."""
    found: dict[int, dict[int, dict[str, object]]] = {person.pk: {} for person in people}
    for user, frame in published():
        if user not in found:
            continue
        first = found[user].setdefault(frame["seq"], frame)
        assert [first.get(key) for key in ("type", "notificationId", "through")] == [
            frame.get(key) for key in ("type", "notificationId", "through")
        ], f"seq {frame['seq']} of user {user} was published as two changes"
    for person in people:
        head, _ = replay(person.pk, 0)
        frames = found[person.pk]
        assert set(frames) <= set(range(1, head.seq + 1)), "published, and not in the log"
        # An erasure, and a purge of unread notifications, take a seq without a frame; clients read a snapshot then.
        unpublished = set(range(1, head.seq + 1)) - set(frames)
        assert max(unpublished, default=0) <= head.floor, "in the log, and not published"
        if unpublished or person.pk in erased:
            continue
        live = Client(person.pk, head, {}, 0)
        live.apply(frame for _, frame in sorted(frames.items()))
        assert not live.differs(Client.fresh(person.pk), erased=bool(erased))
