"""The part of a process that its sockets use."""

from typing import Protocol

from ..shared.settings import Settings
from .repair import Reader


class Home(Protocol):
    """What a socket uses of the process it is in."""

    settings: Settings
    reader: Reader
    acks: dict[int, int]
