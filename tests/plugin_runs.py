"""Runs of pytest in projects that have installed Clarion's plugin, as the tests of the plugin need them."""

import subprocess
import sys
from pathlib import Path

from dev.ports import free_port
from tests.environment import POSTGRES
from tests.processes import ROOT

#: Variables of a run that has Postgres, and neither broker nor channel layer.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "examples.forum.settings",
    "DATABASE_URL": f"{POSTGRES.url.rpartition('/')[0]}/nested",
    "CLARION_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0",
    "CHANNEL_LAYER_URL": f"redis://127.0.0.1:{free_port()}/0",
    "CLARION_BROKER_WAIT_SECONDS": "0.2",
    "CLARION_DEBUG": "1",
}

STEPS = """
import pytest
from django.contrib.auth.models import User
from clarion import NoticeGiven, record
from clarion.pipeline.celery.hints import enqueue
from clarion.shared.channel_layer import channel_layer
from clarion.testing import assert_not_notified, assert_notified
from clarion.testing.isolation import SilentLayer


def praise(user):
    record(NoticeGiven(kind="PRAISE", recipients=[user.pk], data={"title": "Good"}), key=f"praise {user.pk}")


def ann():
    return User.objects.create(username="of the plugin")
"""

#: Plugins that are not of the project.
OTHERS = ("clarion", "schemathesis", "valkey", "asyncio", "anyio", "cacheprovider")


def run(folder: Path, text: str, *options: str, conftest: str = "", **variables: str) -> str:
    """Run this test file with the plugin, in a folder of its own; return the output."""
    (folder / "test_nested.py").write_text(text)
    (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    others = [word for name in OTHERS for word in ("-p", f"no:{name}")]
    path = {"PYTHONPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "clarion.testing.plugin", *others, "--strict-markers", *options],
        cwd=folder, capture_output=True, text=True, check=False, timeout=240,
        env=SETTINGS | path | variables,
    )  # fmt: skip
    return done.stdout[-6000:] + done.stderr[-3000:]
