"""A router that sends reads to a replica: Clarion reads nothing from there that it authorises or shows.

The replica does not exist, so a read that the router decides fails.
"""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.test import Client

from clarion.pipeline import delivery, revocation
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.factories import UserFactory
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db


class ToTheReplica:
    """Django's router of an installation with a replica."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return "default"


@pytest.fixture
def ann(valkey: str) -> User:
    return UserFactory.create()


@pytest.fixture
def as_ann(ann: User, settings: Any) -> Client:
    settings.DATABASE_ROUTERS = [ToTheReplica()]
    token, _ = mint(ann.pk, get_settings())
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_tables_in_default_database(as_ann: Client) -> None:
    """The models of Clarion use the default database."""
    for app in ("clarion_inbox", "clarion_pipeline"):
        for model in apps.get_app_config(app).get_models():
            assert model._default_manager.all().db == "default", model


def test_inbox_read_from_primary(as_ann: Client, ann: User) -> None:
    """The inbox and the mutes are read from the primary."""
    delivery.expand(record(ThingHappened(first=(ann.pk,)), key="k", actor_id=None))
    assert as_ann.get("/api/inbox").json()["unread"] == 1
    assert len(as_ann.get("/api/notifications").json()["items"]) == 1
    assert as_ann.post("/api/notifications/1/read").json() == {"seq": 2, "unread": 0}
    muted = as_ann.post("/api/mutes", {"kind": "FIRST"}, content_type="application/json").json()
    assert as_ann.get("/api/mutes").json() == [muted]
    assert as_ann.delete(f"/api/mutes/{muted['id']}").status_code == 204
    assert as_ann.delete("/api/notifications/1").status_code == 200


def test_revocation_read_from_primary(as_ann: Client, ann: User) -> None:
    """A token revoked on the primary is refused."""
    assert as_ann.get("/api/inbox").status_code == 200
    revocation.revoke(ann.pk)
    assert as_ann.get("/api/inbox").status_code == 401


def test_deactivated_user_read_from_primary(as_ann: Client, ann: User) -> None:
    """A user deactivated on the primary is refused."""
    User.objects.using("default").filter(pk=ann.pk).update(is_active=False)
    assert as_ann.get("/api/inbox").status_code == 401
