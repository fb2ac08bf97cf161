"""What can go wrong in the pipeline, and what is done about it: one tree, and the docstring is the default message."""


class PipelineError(Exception):
    """The pipeline could not do its work."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Retryable(PipelineError):
    """Something outside failed; the same work will succeed later."""


class Permanent(PipelineError):
    """The same work would fail again; it needs a person."""


class UndeclaredEvent(Permanent):
    """No event of that name is declared: declare it as a subclass of pipeline.events.Event."""


class InvalidEvent(Permanent):
    """The event's payload does not fit its declaration."""


class InvalidAudience(Permanent):
    """An audience is declared in a way that cannot be resolved."""
