"""What happens in the forum, as the pipeline knows it: names, and ids."""

from pipeline.events import Event


class MessagePosted(Event, name="forum.message.posted.v1"):
    """A person wrote a message, as the first of a thread or as a reply."""

    message_id: int
