"""The worker's side of the doctor: an answer to a hint, and facts of its process.

The answer goes to the channel layer, under a key with the prefix of this installation. So it reaches the doctor only if
the worker has the same broker, the same Postgres and the same channel layer.
"""

import hashlib
from typing import Any, Final

from celery.worker.control import inspect_command

from ...shared.channel_layer import channel_layer
from ...shared.common_settings import version
from ..events import all_declared

#: The inspect command, as Celery's command line names it too.
FACTS: Final = "clarion_facts"
KEPT_SECONDS: Final = 60


def key_of(nonce: int) -> str:
    """Return the key of the answer to a hint, in the Redis of the channel layer."""
    return f"{channel_layer().prefix}:doctor:{nonce}"


def answer(nonce: int) -> None:
    """Answer a hint; raise redis.exceptions.RedisError if the channel layer does not answer."""
    with channel_layer().client() as client:
        client.set(key_of(nonce), "answered", ex=KEPT_SECONDS)


def facts() -> dict[str, str]:
    """Return facts of this process that another one can compare with its own."""
    names = "\n".join(sorted(all_declared()))
    return {
        "version": version(),
        "channels": channel_layer().prefix,  # with the identity of the installation
        "events": hashlib.sha256(names.encode()).hexdigest()[:12],
    }


@inspect_command(name=FACTS)
def _facts(_state: Any) -> dict[str, str]:
    """Facts that `manage.py clarion doctor` compares."""
    return facts()
