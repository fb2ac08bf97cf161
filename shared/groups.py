"""The key of a user to a channel-layer group: one group for each user, for frames of that user only.

The group is named after the app's own key and not after the number of the inbox, so an edge can subscribe to it before
the user has a number.
"""

from hashlib import blake2b

from .user_keys import Key

#: Size of the digest of a key that is text (bytes): no two keys share it, also if somebody searches for such keys.
_DIGEST_BYTES = 20


def user_group(key: Key) -> str:
    """Return the group that carries the frames of a user's inbox."""
    if isinstance(key, str):  # Channels allows few characters in the name of a group
        key = blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"notification_user_{key}"
