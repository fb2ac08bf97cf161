"""The errors of the pipeline, whose docstring is the default message, and a test for temporary database errors."""

from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError


class PipelineError(Exception):
    """Base of the errors of the pipeline."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Retryable(PipelineError):
    """A dependency failed; the same work will succeed later."""


class Permanent(PipelineError):
    """The same work would fail again, so an operator has to act."""


class UndeclaredEvent(Permanent):
    """No event of that name is declared: declare it as a subclass of clarion.Event."""


class InvalidEvent(Permanent):
    """The payload of the event does not match its declaration."""


class KeyConflict(InvalidEvent):
    """The idempotency key was recorded before, with another payload."""


class InvalidAudience(Permanent):
    """An audience is declared in a way that cannot be resolved."""


#: SQLSTATE classes and codes after which the same statement may succeed: connection exceptions, insufficient resources,
#: system errors; serialization failure, deadlock, lock not available, a server that is shutting down or starting, and
#: a standby, which takes no writes until it is promoted. Not a statement timeout: the same work may run into it again.
_OUTAGE_CLASSES: Final = ("08", "53", "58")
_OUTAGE_CODES: Final = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05", "25006"})


def is_busy(error: BaseException) -> bool:
    """Return whether a statement waited for a lock for as long as it may (`lock_timeout`)."""
    return isinstance(error, DatabaseError) and getattr(error.__cause__, "sqlstate", None) == "55P03"


def is_outage(error: BaseException) -> bool:
    """Return whether a database error is a failure of Postgres or of the connection, and not of the statement."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if sqlstate is None:  # no answer: the connection could not be made, or was lost
        return isinstance(error, OperationalError | InterfaceError)
    return sqlstate.startswith(_OUTAGE_CLASSES) or sqlstate in _OUTAGE_CODES
