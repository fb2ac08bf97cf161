"""One finding of the doctor."""

from dataclasses import dataclass

from django.core.checks import CheckMessage


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about a part of the installation; a problem if it has a remedy, which says what to do."""

    text: str
    remedy: str = ""


def of_check(message: CheckMessage) -> Finding:
    """Return the message of a system check as a finding."""
    return Finding(f"{message.msg} ({message.id})", message.hint or "See docs/operations.md.")
