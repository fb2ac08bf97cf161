"""The edge reads the configured columns of any table of users, and names a setting that is wrong."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from clarion.edge.reader import InboxReader
from clarion.pipeline import revocation
from clarion.shared.settings import Settings, get_settings
from clarion.shared.tokens import mint, verify
from clarion.shared.user_keys import BIGINT_MAX, Key, KeyType
from tests.docs.blocks import blocks_of
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
async def test_configured_user_columns(tables: None, settings: dict[str, Any], name: str, ben: bool) -> None:
    """The edge reads only the configured columns of the table of users."""
    reader = reader_of(**MEMBERS, **settings)
    try:
        assert await reader.ready()
        assert (reader.verified, reader.fault) == (True, None)
        opening = await reader.connect_state(7, None)
        assert opening is not None
        assert (opening.user_id, opening.username, opening.access.active) == (7, name, True)
        deactivated = await reader.connect_state(8, None)
        assert deactivated is not None
        assert deactivated.access.active is ben
        largest = await reader.connect_state(BIGINT_MAX, 0)
        assert largest is not None
        assert largest.user_id == BIGINT_MAX
        assert set(await reader.heads([7, BIGINT_MAX])) == {7, BIGINT_MAX}
    finally:
        await reader._pool.close()


async def test_provider_user_column(tables: None) -> None:
    """With an identity provider users are found by its column."""
    provider = {"jwks_url": "https://login.example/", "jwks_user_column": "email", "user_active_column": ""}
    reader = reader_of(**MEMBERS, username_column="name", **provider)
    try:
        opening = await reader.connect_state(None, None, subject="ann@example.org")
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
        ({"user_id_column": "email"}, "CLARION_USER_KEY"),
        ({"username_column": "nickname"}, "CLARION_USERNAME_COLUMN"),
        ({"user_active_column": "is_active"}, "CLARION_USER_ACTIVE_COLUMN"),
        ({"user_active_column": "email"}, "CLARION_USER_ACTIVE_COLUMN"),
        ({"jwks_url": "https://login.example/", "jwks_user_column": "sub"}, "CLARION_JWKS_USER_COLUMN"),
    ],
)
async def test_wrong_user_setting(tables: None, settings: dict[str, Any], culprit: str) -> None:
    """A wrong table or column makes the edge unready, and the error names the setting."""
    right = MEMBERS | {"username_column": "name", "user_active_column": "enabled"}
    reader = reader_of(**(right | settings))
    try:
        assert await reader.ready()  # Postgres answers
        assert not reader.verified
        assert str(reader.fault).startswith(culprit + ":")
    finally:
        await reader._pool.close()


async def test_column_added_later(tables: None) -> None:
    """A column added later makes the edge ready."""
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


def test_documented_key_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented variables give an edge UUID keys."""
    (block,) = blocks_of("test_documented_key_variables")
    for line in block.text.splitlines():
        monkeypatch.setenv(*line.split("="))
    settings = Settings()
    assert (settings.user_table, settings.user_id_column, settings.user_key) == ("people_user", "id", KeyType.UUID)


@pytest.mark.parametrize(
    "key_type, value, key",
    [
        (KeyType.INTEGER, "7", 7),
        (KeyType.INTEGER, 7, 7),
        (KeyType.INTEGER, "\u0661", None),
        (KeyType.INTEGER, BIGINT_MAX + 1, None),
        (KeyType.INTEGER, -1, None),
        (KeyType.INTEGER, True, None),
        (KeyType.INTEGER, "", None),
        (KeyType.UUID, "5B0D6C2E0F4C4F6E9C532D1F0A8D9A11", "5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11"),
        (KeyType.UUID, UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (KeyType.UUID, "{5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11}", None),
        (KeyType.UUID, "5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11\n", None),
        (KeyType.UUID, 7, None),
        (KeyType.TEXT, "Zo\u00eb:/ 7", "Zo\u00eb:/ 7"),
        (KeyType.TEXT, "", None),
        (KeyType.TEXT, "a\x00", None),
        (KeyType.TEXT, "\ud800", None),
        (KeyType.TEXT, "x" * 256, None),
        (KeyType.TEXT, 7, None),
        *((one, value, None) for one in KeyType for value in (None, 7.0, [], {}, b"7")),
    ],
)
def test_form_of_key(key_type: KeyType, value: object, key: Key | None) -> None:
    """A key has one form, and anything else is an error with a sentence."""
    if key is not None:
        assert key_type.parse(value) == key
        return
    with pytest.raises(ValueError, match=r"^the id of a user is a "):
        key_type.parse(value)


def test_bigint_subject() -> None:
    """Every id that fits a bigint is a valid subject of a token."""
    for user_id in (1, 10**18, BIGINT_MAX):
        assert verify(mint(user_id, get_settings())[0], get_settings()).user_id == user_id


def test_active_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """The active state of a user is read from the configured column."""
    user = User(is_active=False, is_staff=True)
    for column, active in (("is_active", False), ("is_staff", True), ("", True), ("elsewhere", True)):
        monkeypatch.setattr(
            revocation,
            "get_settings",
            lambda column=column: get_settings().model_copy(update={"user_active_column": column}),
        )
        assert revocation.is_active(user) is active
