"""Users with UUID keys, relative to users with integer keys: fan-out, storing, publishing and connects.

Both kinds of keys are columns of one table of users. The users have a number already, as after their first
notification. The statements are those of a project with such a user model, because the type of the key is set here.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from unittest.mock import patch

from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from rich.console import Console

from benchmarks.areas import KINDS, PLAIN
from benchmarks.areas.edge import SETTINGS, handshake_of
from benchmarks.figures import Figure, details, ratio
from benchmarks.sockets import Crowd
from benchmarks.testbed import edge, interleaved, settle
from clarion import NoticeGiven, record
from clarion.pipeline import fanout, names, persist, persons, publish
from clarion.pipeline.audiences import Audience
from clarion.pipeline.outbox import work
from clarion.shared.user_keys import Key, KeyType

AREA = "keys"
PEOPLE = 100_000
SOCKETS = 2_000
#: Runs of each type, of which the first ones warm the caches.
STEPS, WARM = 8, 2
CONNECT_RUNS = 5

_TABLE = """
DROP TABLE IF EXISTS benchmark_member;
CREATE TABLE benchmark_member (id uuid PRIMARY KEY, number bigint UNIQUE, username text, is_active boolean);
INSERT INTO benchmark_member SELECT gen_random_uuid(), n, 'member-' || n, true FROM generate_series(1, %s) n;
DROP TABLE IF EXISTS benchmark_message;
CREATE TABLE benchmark_message (thread int, author_id uuid);
INSERT INTO benchmark_message SELECT 1, id FROM benchmark_member;
"""
#: The active participants of a thread, as the demo selects them. Both audiences cost the same but for this column.
_PARTICIPANTS = """
SELECT u.{column} FROM benchmark_member u
 WHERE u.is_active AND u.id IN (SELECT m.author_id FROM benchmark_message m WHERE m.thread = 1)
"""
#: The audience and the column of each type. The order of a table of UUIDs is that of its rows, as in an application.
USERS = {
    KeyType.INTEGER: (_PARTICIPANTS.format(column="number"), "number"),
    KeyType.UUID: (_PARTICIPANTS.format(column="id"), "id"),
}


def measure(console: Console) -> Iterator[Figure]:
    """Measure both types of keys one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE, [PEOPLE])
    with of_type(KeyType.UUID):
        _deliver(PLAIN)  # numbers and inboxes of all users, which both types use
    settle()
    load = f"a thread's {PEOPLE:,} participants, who have a number"
    fan_out: dict[str, list[float]] = {keys.value: [] for keys in USERS}
    for name in interleaved(STEPS, list(fan_out)):
        with of_type(KeyType(name)):
            fan_out[name].append(_fan_out() * 1000)
    warm = {name: times[WARM:] for name, times in fan_out.items()}
    runs = details("UUID {uuid:.0f} ms, integer {integer:.0f} ms", **warm)
    console.print(f"  fan-out: {runs}", style="dim")
    yield ratio("keys.fan_out", AREA, "fan-out with UUID keys, relative to integer keys", load,
                warm["uuid"], warm["integer"], at_most=1.3, details=runs)  # fmt: skip
    for kind, text in KINDS.items():
        stored: dict[str, list[float]] = {keys.value: [] for keys in USERS}
        published: dict[str, list[float]] = {keys.value: [] for keys in USERS}
        for name in interleaved(STEPS, list(stored)):
            with of_type(KeyType(name)):
                storing, publishing = _deliver(kind)
            stored[name].append(PEOPLE / storing)
            published[name].append(PEOPLE / publishing)
        yield from _rates(console, "persist", "rows/s stored", text, stored, at_least=0.9)
        yield from _rates(console, "publish", "frames/s published", text, published, at_least=None)
    yield _connects(console)


def _rates(
    console: Console, name: str, what: str, load: str, rates: dict[str, list[float]], *, at_least: float | None
) -> Iterator[Figure]:
    warm = {keys: values[WARM:] for keys, values in rates.items()}
    runs = details("UUID {uuid:,.0f}/s, integer {integer:,.0f}/s", **warm)
    console.print(f"  {name}, {load}: {runs}", style="dim")
    yield ratio(f"keys.{name}.{load.split(',')[0]}", AREA, f"{what} with UUID keys, relative to integer keys", load,
                warm["uuid"], warm["integer"], at_least=at_least, details=runs)  # fmt: skip


@contextmanager
def of_type(keys: KeyType) -> Iterator[None]:
    """Make the statements of a project with keys of this type, whose users have no name."""
    with patch.object(persons, "key_type", lambda: keys), patch.object(names, "actor_sql", lambda: "SELECT NULL::text"):
        persist._statements.cache_clear()
        yield
    persist._statements.cache_clear()


def _recorded(kind: str) -> tuple[int, Audience]:
    audience = Audience(kind, RawSQL(USERS[persons.key_type()][0], []), {"title": "A thread"}, topic="benchmark:1")  # noqa: S611
    notice = NoticeGiven.model_construct(kind=kind, recipients=(1,))
    with patch.object(persons, "key_type", lambda: KeyType.INTEGER):
        return record(notice, key=uuid.uuid4().hex), audience


def _fan_out() -> float:
    """Seconds to fan out to all, which is rolled back."""
    event_id, audience = _recorded(PLAIN)
    with transaction.atomic():
        event = work.claim_event(event_id)
        assert event is not None  # noqa: S101 - no other worker runs
        begun = time.perf_counter()
        batches = fanout.fan_out(event, [audience])
        took = time.perf_counter() - begun
        transaction.set_rollback(True)
    if batches.recipients != PEOPLE:
        raise RuntimeError(f"{batches.recipients} recipients instead of {PEOPLE}")
    return took


def _deliver(kind: str) -> tuple[float, float]:
    """Seconds to store the notifications of all, and to publish them."""
    event_id, audience = _recorded(kind)
    with transaction.atomic():
        event = work.claim_event(event_id)
        assert event is not None  # noqa: S101 - no other worker runs
        batches = fanout.fan_out(event, [audience])
    storing = publishing = 0.0
    for batch_id in batches.batch_ids:
        begun = time.perf_counter()
        with transaction.atomic():
            batch = work.claim_batch(batch_id)
            assert batch is not None  # noqa: S101 - no other worker runs
            stored = persist.persist(event_id, [batch])
        storing += time.perf_counter() - begun
        begun = time.perf_counter()
        publish.publish(stored, batch.recorded_at, epoch=batch.epoch)
        publishing += time.perf_counter() - begun
    return storing, publishing


def _connects(console: Console) -> Figure:
    """Measure connects a second of one edge; each user has an inbox."""
    rates: dict[str, list[float]] = {keys.value: [] for keys in USERS}
    for name in interleaved(CONNECT_RUNS, list(rates)):
        keys = KeyType(name)
        column = USERS[keys][1]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM benchmark_member ORDER BY md5(username) LIMIT %s", [SOCKETS])  # noqa: S608
            found: list[Key] = [keys.parse(key) for (key,) in cursor.fetchall()]
        users = {"CLARION_USER_TABLE": "benchmark_member", "CLARION_USER_ID_COLUMN": column, "CLARION_USER_KEY": name}
        with edge(**SETTINGS, **users) as server, closing(Crowd(server.port, first_frame=True)) as crowd:
            hands = [handshake_of(key) for key in found]
            crowd.connect(hands[:100])
            rates[name].append((SOCKETS - 100) / crowd.connect(hands[100:]))
        console.print(f"  {name}: {rates[name][-1]:,.0f} connects/s", style="dim")
    return ratio(
        "keys.connects", AREA, "connects/s of one edge with UUID keys, relative to integer keys",
        f"{SOCKETS:,} sockets, each with a token", rates["uuid"], rates["integer"], at_least=0.9,
        details=details("UUID {uuid:,.0f}/s, integer {integer:,.0f}/s", **rates),
    )  # fmt: skip
