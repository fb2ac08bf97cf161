"""Fixtures of the browser tier, for the JavaScript of the documents."""

from tests.browser.conftest import chromium, stack

__all__ = ["chromium", "stack"]
