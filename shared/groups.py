"""User id to channel-layer group: one group a user, and nobody else is ever published to it."""


def user_group(user_id: int) -> str:
    """The group that carries the frames of `user_id`'s inbox."""
    return f"notification_user_{user_id}"
