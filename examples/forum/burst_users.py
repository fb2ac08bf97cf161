"""The users of a burst, and their thread.

Input: their number. Output: users `crowd-1` to `crowd-N`, created once and used again, who cannot sign in; and a new
thread in which each of them has written, so that one more message notifies all of them. They are created in SQL,
without notifications.
"""

import uuid
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import connection

from clarion import NoticeGiven, record
from examples.forum.models import Message, Thread

#: The authors of these threads, of `make burst` and of the page of operators. The forum does not list their threads.
CROWD_SPEAKER, BURST_SPEAKER = SPEAKERS = ("crowd-speaker", "burst-speaker")

_PEOPLE = """
INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_superuser, is_active, date_joined)
SELECT 'crowd-' || n, %s, '', '', '', false, false, true, now() FROM generate_series(1, %s) n
ON CONFLICT (username) DO NOTHING
"""

_CROWD = "SELECT id FROM auth_user u JOIN generate_series(1, %s) n ON u.username = 'crowd-' || n ORDER BY n"

_MESSAGES = """
INSERT INTO forum_message (thread_id, author_id, body, origin, created_at)
SELECT %s, unnest(%s::bigint[]), 'I am here.', 'system', now()
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """A thread, the author of its next message, and the ids of the recipients."""

    thread: Thread
    poster: User
    user_ids: list[int]

    def post(self) -> tuple[str, str]:
        """Save one message, as the web app does; the key of its event, and the `messageId` of its frames."""
        return self._say("To all of you: hello.")

    def mention(self, username: str) -> tuple[str, str]:
        """Save a message that mentions a user; as `post`."""
        return self._say(f"@{username} look at this.")

    def _say(self, body: str) -> tuple[str, str]:
        message = Message.objects.create(thread=self.thread, author=self.poster, body=body)
        return f"forum.message.posted:{message.pk}", str(message.pk)

    def notify(self, kind: str) -> tuple[str, str]:
        """Notify all participants of the thread, as a service does; as `post`."""
        name = f"burst-{uuid.uuid4().hex}"
        notice = NoticeGiven(
            kind=kind,
            audience="forum.thread.participants",
            parameters={"thread_id": self.thread.pk},
            data={"thread_title": self.thread.title, "url": self.thread.get_absolute_url()},
            topic=self.thread.topic,
            message_id=name,
        )
        record(notice, key=name, actor_id=self.poster.pk)
        return name, name


def gather(size: int, speaker: str = CROWD_SPEAKER) -> Crowd:
    """Create a thread of `size` participants besides its author, who posts."""
    poster, _ = User.objects.get_or_create(username=speaker, defaults={"password": make_password(None)})
    thread = Thread.objects.create(title=f"A burst to {size:,} people", author=poster)
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [make_password(None), size])
        cursor.execute(_CROWD, [size])
        user_ids = [user_id for (user_id,) in cursor.fetchall()]
        cursor.execute(_MESSAGES, [thread.pk, user_ids])
        cursor.execute("ANALYZE forum_message, auth_user")
    return Crowd(thread, poster, user_ids)
