"""The statements of delivery are prepared if possible, and work without it."""

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from clarion.pipeline import delivery, fanout
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.audiences import Audience
from clarion.pipeline.errors import Retryable
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Notification
from clarion.shared.settings import get_settings
from tests import environment
from tests.integration.conftest import Frames
from tests.integration.steps import happened

pytestmark = pytest.mark.django_db(transaction=True)


def prepared() -> int:
    """How many statements this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return int(cursor.fetchone()[0])


def behind_our_back(sql: str) -> None:
    """So that the client does not notice the change of a prepared statement."""
    connection.connection.pgconn.exec_(sql.encode())


@pytest.fixture(autouse=True)
def fresh() -> None:
    """An unused connection."""
    connection.close()


def test_prepared_once(people: list[User]) -> None:
    """Each statement is prepared once, unless a pooler is in between."""
    for number in range(3):
        delivery.expand(happened(f"at first {number}", first=people))
    at_first = prepared()
    assert (at_first > 3) == (environment.ON != "pgbouncer")
    for number in range(6):
        delivery.expand(happened(f"then {number}", first=people))
    assert prepared() == at_first
    assert Notification.objects.count() == 9 * len(people)


def test_untyped_parameter(people: list[User], published: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """An audience with an untyped parameter is run with interpolated values.

    Postgres cannot infer its type from a parameter, only from a value. That is found out once.
    """
    odd = User.objects.filter(pk__in=[one.pk for one in people]).extra(where=["%s IS NOT NULL"], params=["x"])
    who = odd.values_list("pk")
    monkeypatch.setattr("clarion.pipeline.audiences.audiences_of", lambda _: [Audience("FIRST", who, {})])
    for number in range(4):
        delivery.expand(happened(f"odd {number}"))
        assert {user for user, _ in published()} == set(odd.values_list("pk", flat=True))
    assert ("untyped" in fanout._shapes.values()) == (environment.ON != "pgbouncer")


def test_missing_prepared_statement(people: list[User]) -> None:
    """A missing prepared statement costs one retry.

    It is missing behind a pooler that could not be recognised.
    """
    delivery.expand(happened("one", first=people))
    if environment.ON == "pgbouncer":
        return  # nothing was
    behind_our_back("DEALLOCATE ALL")
    event = happened("two", first=people)
    with pytest.raises(Retryable):
        delivery.expand(event)
    row = Event.objects.get(pk=event)
    assert (row.state, row.attempts) == ("pending", 0)
    delivery.expand(event)
    assert Event.objects.get(pk=event).state == "done"


def test_changed_column_type(people: list[User]) -> None:
    """A column whose type changed after the preparation costs one retry."""
    delivery.expand(happened("one", first=people))
    if environment.ON == "pgbouncer":
        return
    behind_our_back("ALTER TABLE clarion_event ALTER name TYPE text")
    try:
        event = happened("two", first=people)
        with pytest.raises(Retryable):
            delivery.expand(event)
        delivery.expand(event)
    finally:
        behind_our_back("ALTER TABLE clarion_event ALTER name TYPE varchar(120)")
    assert Event.objects.get(pk=event).state == "done"
    assert prepared() > 0


@pytest.mark.parametrize("few", [True, False], ids=["at once", "in a batch"])
@pytest.mark.parametrize("audience", ["first", "gathered"])
def test_stale_plan_on_grown_table(
    people: list[User], monkeypatch: pytest.MonkeyPatch, few: bool, audience: str
) -> None:
    """A plan made for small tables does not scan a whole table that has grown.

    Postgres keeps a plan until it has looked at the tables again.
    """

    def tell(key: str) -> None:
        delivery.expand(happened(key, **{audience: people}))
        for batch_id in Batch.objects.filter(state="pending").values_list("pk", flat=True):
            delivery.deliver(batch_id)

    if not few:
        inline = get_settings().model_copy(update={"deliver_at_once": 0})
        monkeypatch.setattr("clarion.pipeline.fanout.get_settings", lambda: inline)
    tell("the first")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for number in range(8):
        tell(f"planned {number}")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO clarion_inbox (user_id) SELECT -n FROM generate_series(1, 2000) n")
    counted = transaction.atomic()
    counted._from_testcase = True  # delivery refuses any other transaction around its own
    with counted, connection.cursor() as cursor:
        tell("grown")
        cursor.execute(
            "SELECT relname FROM pg_stat_xact_user_tables WHERE relname ~ '^clarion_' AND seq_tup_read > 1000"
        )
        assert cursor.fetchall() == []


def test_generic_plan_of_small_event(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fan-out of small events uses a generic plan.

    An ad-hoc event has one statement for all ids, which Postgres plans once.
    """
    monkeypatch.setattr(fanout, "_shapes", {})
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO clarion_inbox (user_id) SELECT -n FROM generate_series(1, 20000) n")
        cursor.execute("ANALYZE")
    notice = NoticeGiven(kind="MENTION", recipients=(people[0].pk,), data={})
    for number in range(12):
        delivery.expand(record(notice, key=f"notice {number}"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%%WITH candidates AS%%'"
        )
        plans = cursor.fetchall()
    # The first is not prepared, and from five plans for certain values Postgres learns the cost.
    assert plans == ([] if environment.ON == "pgbouncer" else [(6, 5)])
