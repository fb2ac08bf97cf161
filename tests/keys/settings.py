"""The demo's settings with a user model of another key."""

from examples.forum.settings import *  # noqa: F403
from examples.forum.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = ["tests.keys", *_APPS]  # first, so that the other apps import its user model
AUTH_USER_MODEL = "keys.User"
