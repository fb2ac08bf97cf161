"""Credentials of a user for a socket, and what a socket answers to bad ones."""

import time
from typing import Any

import jwt
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client as DjangoClient

from clarion.shared.settings import get_settings
from tests.client import opened


def token(user: User, **claims: Any) -> str:
    payload = {"sub": str(user.pk), "exp": time.time() + 600, "aud": get_settings().jwt_audience} | claims
    return jwt.encode(payload, get_settings().signing_keys[0], algorithm="HS256")


async def refused(url: str, **options: Any) -> tuple[str, int | None]:
    """The reason of the AUTH_FAILED that was the first frame, and the close code."""
    async with opened(url, **options) as client:
        frame = await client.next()
        assert frame["type"] == "AUTH_FAILED", frame
        return frame["reason"], await client.closed()


@sync_to_async
def signed_in(user: User) -> str:
    browser = DjangoClient()
    browser.force_login(user)
    return f"theme=dark; sessionid={browser.cookies['sessionid'].value}"
