"""The edge reads the columns that are configured, of any table of users, and names the setting that does not fit."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from clarion.edge.reader import InboxReader
from clarion.pipeline import revocation
from clarion.shared.settings import get_settings
from clarion.shared.tokens import BIGINT_MAX, mint, verify
from tests.environment import POSTGRES

pytestmark = pytest.mark.django_db(transaction=True)

TABLES = """
DROP SCHEMA IF EXISTS people CASCADE;
CREATE SCHEMA people;
CREATE TABLE people.member (number bigint PRIMARY KEY, email text UNIQUE, name varchar(30), enabled boolean);
INSERT INTO people.member VALUES (7, 'ann@example.org', 'Ann', true), (8, 'ben@example.org', 'Ben', false),
                                 (9223372036854775807, 'z@example.org', 'Zoe', true);
"""
MEMBERS = {"user_table": "people.member", "user_id_column": "number"}


@pytest.fixture
async def tables() -> AsyncIterator[None]:
    def execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    await sync_to_async(execute)(TABLES)
    yield
    await sync_to_async(execute)("DROP SCHEMA people CASCADE")


def reader_of(**settings: Any) -> InboxReader:
    name = connection.settings_dict["NAME"]
    url = POSTGRES.url.rsplit("/", 1)[0] + f"/{name}"
    return InboxReader(get_settings().model_copy(update={"database_url": url, **settings}))


@pytest.mark.parametrize(
    "settings, name, ben",
    [
        ({"username_column": "name", "user_active_column": "enabled"}, "Ann", False),
        ({"username_column": "", "user_active_column": "enabled"}, "", False),
        ({"username_column": "email", "user_active_column": ""}, "ann@example.org", True),
    ],
)
async def test_only_configured_columns_are_read(tables: None, settings: dict[str, Any], name: str, ben: bool) -> None:
    reader = reader_of(**MEMBERS, **settings)
    try:
        assert await reader.ready()
        assert (reader.verified, reader.fault) == (True, None)
        opening = await reader.opening(7, None)
        assert opening is not None
        assert (opening.user_id, opening.username, opening.access.active) == (7, name, True)
        deactivated = await reader.opening(8, None)
        assert deactivated is not None
        assert deactivated.access.active is ben
        largest = await reader.opening(BIGINT_MAX, 0)
        assert largest is not None
        assert largest.user_id == BIGINT_MAX
        assert set(await reader.heads([7, BIGINT_MAX])) == {7, BIGINT_MAX}
    finally:
        await reader._pool.close()


async def test_with_an_identity_provider_its_column_names_users(tables: None) -> None:
    provider = {"jwks_url": "https://login.example/", "jwks_user_column": "email", "user_active_column": ""}
    reader = reader_of(**MEMBERS, username_column="name", **provider)
    try:
        opening = await reader.opening("ann@example.org", None)
        assert opening is not None
        assert opening.user_id == 7
    finally:
        await reader._pool.close()


@pytest.mark.parametrize(
    "settings, culprit",
    [
        ({"user_table": "people.membr"}, "CLARION_USER_TABLE"),
        ({"user_table": "persons.member"}, "CLARION_USER_TABLE"),
        ({"user_id_column": "id"}, "CLARION_USER_ID_COLUMN"),
        ({"user_id_column": "email"}, "CLARION_USER_ID_COLUMN"),
        ({"username_column": "nickname"}, "CLARION_USERNAME_COLUMN"),
        ({"user_active_column": "is_active"}, "CLARION_USER_ACTIVE_COLUMN"),
        ({"user_active_column": "email"}, "CLARION_USER_ACTIVE_COLUMN"),
        ({"jwks_url": "https://login.example/", "jwks_user_column": "sub"}, "CLARION_JWKS_USER_COLUMN"),
    ],
)
async def test_readiness_names_the_setting_that_does_not_fit(
    tables: None, settings: dict[str, Any], culprit: str
) -> None:
    right = MEMBERS | {"username_column": "name", "user_active_column": "enabled"}
    reader = reader_of(**(right | settings))
    try:
        assert await reader.ready()  # Postgres answers
        assert not reader.verified
        assert str(reader.fault).startswith(culprit + ":")
    finally:
        await reader._pool.close()


async def test_a_table_that_is_made_later_makes_the_edge_ready(tables: None) -> None:
    reader = reader_of(**MEMBERS, username_column="later", user_active_column="")
    try:
        await reader.ready()
        assert "CLARION_USERNAME_COLUMN" in str(reader.fault)

        def add() -> None:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE people.member ADD COLUMN later text")

        await sync_to_async(add)()
        await reader.ready()
        assert (reader.verified, reader.fault) == (True, None)
    finally:
        await reader._pool.close()


def test_every_id_that_a_bigint_holds_is_a_subject() -> None:
    for user_id in (1, 10**18, BIGINT_MAX):
        assert verify(mint(user_id, get_settings())[0], get_settings()).user_id == user_id


def test_who_is_active_is_read_from_the_configured_column(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(is_active=False, is_staff=True)
    for column, active in (("is_active", False), ("is_staff", True), ("", True), ("elsewhere", True)):
        monkeypatch.setattr(
            revocation,
            "get_settings",
            lambda column=column: get_settings().model_copy(update={"user_active_column": column}),
        )
        assert revocation.is_active(user) is active
