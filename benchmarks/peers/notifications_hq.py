"""django-notifications-hq: reads numbers of recipients, one a line; `notify.send`s to so many; answers the seconds.

Run by a Python that has it, with the newest Django that it runs on (requirements/peers.lock): nothing of ours is
imported here.
"""

import os
import sys
import time
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command

database = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY="of-no-use-to-anybody-outside-a-benchmark",  # noqa: S106
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database.path.lstrip("/"),
            "HOST": database.hostname,
            "PORT": database.port,
            "USER": database.username,
            "PASSWORD": database.password,
        }
    },
)
django.setup()
call_command("migrate", verbosity=0)

from django.contrib.auth.models import User  # noqa: E402 - needs Django to be set up
from notifications.signals import notify  # type: ignore[import-not-found]  # noqa: E402

actor, _ = User.objects.get_or_create(username="actor")
print("ready", flush=True)
for line in sys.stdin:
    wanted = int(line)
    missing = wanted - User.objects.exclude(pk=actor.pk).count()
    User.objects.bulk_create(User(username=f"user-{time.monotonic_ns()}-{number}") for number in range(missing))
    recipients = list(User.objects.exclude(pk=actor.pk)[:wanted])
    begun = time.perf_counter()
    notify.send(actor, recipient=recipients, verb="replied", description="To all of you: hello.")
    print(time.perf_counter() - begun, flush=True)
