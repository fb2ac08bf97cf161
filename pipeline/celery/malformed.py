"""Malformed messages from the broker: any program may write to it.

A message that cannot be decoded is logged, counted and dropped. Celery would end with it, and because it was not
acknowledged, so would the next worker. Nothing is lost, because a message is only a hint.
"""

import logging
from typing import Final

from ...shared import metrics

logger = logging.getLogger(__name__)

#: Errors of decoding a malformed message. Connection errors are not among them.
DECODING_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def drop(error: Exception) -> None:
    """Log and count a message that cannot be decoded."""
    metrics.MESSAGES_REFUSED.inc()
    logger.error("Dropped an undecodable message from the broker", exc_info=error)
