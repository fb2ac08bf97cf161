"""The part of a process that its connections use."""

from typing import Protocol

from ..shared.settings import Settings
from .reader import InboxReader


class Home(Protocol):
    """Settings, reader and acknowledgements of the process."""

    settings: Settings
    reader: InboxReader
    acks: dict[int, int]
