"""The people of the demo: who they are, and the password they share. Only ever used where doors are open."""

from typing import Final

PASSWORD: Final = "clarion-demo"  # noqa: S105 - printed by `make run`, refused in production

MODERATOR: Final = "mia"
PEOPLE: Final = ("ann", "ben", "cleo", "dan", "eva", MODERATOR)
