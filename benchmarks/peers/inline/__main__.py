"""Reads numbers of recipients, one a line; saves a message in a thread of so many; answers the seconds it took."""

import os
import sys
import time

import django
from django.core.management import call_command
from django.db import connection

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers.inline.settings"
django.setup()

from benchmarks.peers.inline.models import Message  # noqa: E402 - models need Django to be set up

call_command("migrate", run_syncdb=True, verbosity=0)
print("ready", flush=True)
for thread, line in enumerate(sys.stdin):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inline_participant (thread_id, user_id) SELECT %s, generate_series(1, %s)", [thread, int(line)]
        )
    begun = time.perf_counter()
    Message._default_manager.create(thread_id=thread, body="To all of you: hello.")
    print(time.perf_counter() - begun, flush=True)
