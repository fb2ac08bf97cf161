"""The type of the users' primary keys: a number, a UUID or a text.

Input: a key as the web app, a token or a service gives it. Output: the same key in one form, an `int` or a `str`, or
ValueError with a sentence. An integer key is the number of the inbox too. Of other keys the table `clarion_person` has
the number, and the inbox below it knows numbers only.
"""

import re
import uuid
from enum import StrEnum
from typing import Final

#: A key in its one form: an `int` for integer keys; lower case with hyphens for UUIDs; as it is for text.
Key = int | str

#: Maximum length of a text key (characters).
KEY_MAX_LENGTH: Final = 255

#: The largest id that a bigint holds.
BIGINT_MAX: Final = 2**63 - 1

_UUID: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class KeyType(StrEnum):
    """The type of the primary key of the user model."""

    INTEGER = "integer"
    UUID = "uuid"
    TEXT = "text"

    @property
    def sql(self) -> str:
        """The type in Postgres."""
        return "bigint" if self is KeyType.INTEGER else self.value

    def parse(self, value: object) -> Key:
        """Return the key in its one form; raise ValueError with a sentence about its form.

        A positive number may be given as its decimal digits, a UUID as text.
        """
        match self:
            case KeyType.INTEGER:
                return _integer(value)
            case KeyType.UUID:
                if isinstance(value, str) and _UUID.fullmatch(value):
                    return str(uuid.UUID(value))
                if isinstance(value, uuid.UUID):
                    return str(value)
                raise ValueError("the id of a user is a UUID, for example '5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11'")
            case KeyType.TEXT:
                if isinstance(value, str) and 0 < len(value) <= KEY_MAX_LENGTH and not _UNSTORABLE.search(value):
                    return str(value)
                raise ValueError(f"the id of a user is a text of 1 to {KEY_MAX_LENGTH} characters without NUL")


def _integer(value: object) -> int:
    if isinstance(value, str):
        # str.isdecimal accepts other scripts' digits; int() would too, and "١" must not name user 1.
        digits = value.isascii() and value.isdecimal() and len(value) <= len(str(BIGINT_MAX))
        value = int(value) if digits else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= BIGINT_MAX:
        return value
    raise ValueError(f"the id of a user is a positive whole number of at most {BIGINT_MAX}")
