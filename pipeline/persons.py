"""Users by their keys, and the numbers of their inboxes.

Input: the app's own key of a user: an integer, a UUID or a text, as the primary key of the user model is. Output: the
number that the inbox knows the user by. An integer key is the number itself, and no statement is needed. Of other keys
the table `clarion_person` has the numbers.
"""

from collections.abc import Collection
from functools import cache
from typing import Annotated, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ..shared.inbox.models import Person
from ..shared.user_keys import Key, KeyType
from ..shared.user_model import supported_type

_INSERT = "INSERT INTO clarion_person (key) VALUES (%s) ON CONFLICT DO NOTHING"


class NoNumber(Exception):
    """A user without a number, who gets one in a transaction of its own, before that of the work.

    Otherwise the actor would be locked before the recipients and not in their order, and two events could deadlock.
    """

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


@cache
def key_type() -> KeyType:
    """Return the type of the users' keys; raise ImproperlyConfigured if it is not supported."""
    found = supported_type()
    if found is None:
        raise ImproperlyConfigured("The primary key of the user model is no integer, UUID or text.")
    return found


def has_integer_keys() -> bool:
    """Return whether the key of a user is the number of the inbox too."""
    return key_type() is KeyType.INTEGER


def key_of(user_id: object) -> Key:
    """Return the key in its one form; raise ValueError with a sentence about its form."""
    return user_id if type(user_id) is int and has_integer_keys() else key_type().parse(user_id)


def number_of(user_id: object) -> int | None:
    """Return the number of a user's inbox; None if the user has none yet."""
    key = key_of(user_id)
    if isinstance(key, int):
        return key
    return Person.objects.filter(key=key).values_list("pk", flat=True).first()


def number_for(user_id: object) -> int:
    """Return the number of a user's inbox, a new one if the user has none yet."""
    number = number_of(user_id)
    if number is None:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [key_of(user_id)])
        number = number_of(user_id)
    assert number is not None  # noqa: S101 - it was inserted, by this transaction or by one that has committed
    return number


def keys_of(numbers: Collection[int]) -> dict[int, Key]:
    """Return the keys of the users with these numbers."""
    if has_integer_keys():
        return {number: number for number in numbers}
    return dict(Person.objects.filter(pk__in=numbers).values_list("pk", "key"))


class _UserField:
    """A field of a payload or of a request: the key of a user, of the type of the user model's primary key."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        match key_type():
            case KeyType.INTEGER:
                return {"type": "integer", "minimum": 1}
            case KeyType.UUID:
                return {"type": "string", "format": "uuid"}
            case KeyType.TEXT:
                return {"type": "string", "minLength": 1}

    @staticmethod
    def _parse(value: object) -> Key:
        try:
            key = key_type().parse(value)
        except ValueError as error:
            raise PydanticCustomError("user_key", "{reason}", {"reason": str(error)}) from error
        if key == 0:
            raise PydanticCustomError("user_key", "the id of a user is a positive whole number")
        return key


#: The key of a user in a payload or a request.
UserId = Annotated[Key, _UserField]
