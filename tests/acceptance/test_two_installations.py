"""Two installations on one Redis: production, and a staging system that was made from a copy of its data."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from clarion.pipeline import delivery, presence
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.outbox.recording import record
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import person
from tests.client import connected
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

STAGING = "staging"

#: The actions of staging on user {user} and on the edge of production.
DEEDS = """
import django; django.setup()
from clarion.pipeline import delivery, revocation
from clarion.pipeline.dashboard import actions
from clarion import NoticeGiven
from clarion.pipeline.outbox.recording import record
for number in range(3):
    delivery.expand(record(NoticeGiven(kind="STAGING", recipients=({user},)), key=f"staging {{number}}"))
{deed}
"""


@pytest.fixture
def staging(django_db_setup: None, valkey: str) -> Iterator[dict[str, str]]:
    """The environment of processes of staging: its own database on the same Postgres, other numbers of one Redis."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM clarion_installation")
        (identity,) = cursor.fetchone()
    url = environment.DATABASES.url.rsplit("/", 1)[0] + f"/{STAGING}"
    surroundings = {
        "DATABASE_URL": url,
        "CLARION_BROKER_URL": environment.VALKEY.database_url(5),
        "CHANNEL_LAYER_URL": environment.VALKEY.database_url(6),
    }
    with psycopg.connect(environment.POSTGRES.url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {STAGING}")
        try:
            migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
            subprocess.run(migrate, env=os.environ | surroundings, check=True)
            with psycopg.connect(url, autocommit=True) as database:
                database.execute("UPDATE clarion_installation SET value = %s", [identity])  # as in a copy
            yield surroundings
        finally:
            server.execute(f"DROP DATABASE {STAGING} WITH (FORCE)")


def lives_in(staging: dict[str, str], user: User) -> None:
    """The same person is a user of staging too, with the same id."""
    with psycopg.connect(staging["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "INSERT INTO auth_user (id, username, password, is_active, is_staff, is_superuser, first_name, last_name,"
            " email, date_joined) VALUES (%s, %s, '', true, false, false, '', '', '', now())",
            [user.pk, user.username],
        )


def does(staging: dict[str, str], user: User, deed: str = "") -> None:
    script = DEEDS.format(user=user.pk, deed=deed.format(user=user.pk))
    subprocess.run([sys.executable, "-c", script], env=os.environ | staging, check=True)


@sync_to_async
def notice(user: User, key: str) -> None:
    delivery.expand(record(NoticeGiven(kind="PRODUCTION", recipients=(user.pk,)), key=key))


@pytest.mark.parametrize("deed", ["", "revocation.revoke({user})", "actions.send_command('production', 'edge.drain')"])
async def test_two_installations_are_separate(staging: dict[str, str], deed: str) -> None:
    """Frames, revocations and commands of one installation do not reach the other.

    Its frames would otherwise take the seqs of the other one's.
    """
    ann = await person()
    await sync_to_async(lives_in)(staging, ann)
    with (
        Edge("production", CLARION_EDGE_NAME="production", **await sync_to_async(on_test_database)()) as edge,
        Edge("of-staging", **staging) as other,
    ):
        async with connected(edge.url, ann) as client:
            async with connected(other.url, ann) as of_staging:
                await sync_to_async(does)(staging, ann, deed)
                frame = await of_staging.next()
                assert (frame["notificationType"], frame["seq"]) == ("STAGING", 1)
            await client.nothing_came()
            await notice(ann, "one")
            frame = await client.next()
            assert (frame["notificationType"], frame["seq"]) == ("PRODUCTION", 1)
        assert edge.http("/readyz").status_code == 200


async def test_presence_of_two_installations(staging: dict[str, str]) -> None:
    """A user connected to staging is not present in production."""
    ann = await person()
    await sync_to_async(lives_in)(staging, ann)
    with Edge("of-staging", **staging) as other:
        async with connected(other.url, ann):
            assert await sync_to_async(presence.connected)([ann.pk]) == set()
