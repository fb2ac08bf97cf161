"""User id to channel-layer group: one group for each user, for frames of that user only."""


def user_group(user_id: int) -> str:
    """The group that carries the frames of `user_id`'s inbox."""
    return f"notification_user_{user_id}"
