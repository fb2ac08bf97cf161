"""The template tags put the elements into a page, with all that they need and nothing inline."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.middleware.csrf import get_token
from django.template import RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import translation

from clarion.pipeline.templatetags import clarion
from clarion.shared.settings import get_settings


class Tags(HTMLParser):
    """The tags of a text, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def rendered(text: str, user: Any, **context: Any) -> str:
    request = RequestFactory().get("/")
    request.user = user
    return Template("{% load clarion %}" + text).render(RequestContext(request, context))


@pytest.fixture
def ann() -> User:
    return User(pk=7, username="ann")


@pytest.fixture
def edge_port(monkeypatch: pytest.MonkeyPatch) -> int:
    changed = get_settings().model_copy(update={"public_edge_port": 8001})
    monkeypatch.setattr(clarion, "get_settings", lambda: changed)
    return 8001


def test_bell(ann: User, edge_port: int) -> None:
    """The bell has its addresses, user, token and language, and the script is a file."""
    with translation.override("de"):
        html = rendered('{% clarion_bell tabs="all MENTION" in_title=True %}', ann)
    (bell, has), (script, source) = Tags(html).found
    assert (bell, script) == ("clarion-bell", "script")
    csrf = has.pop("csrf")
    assert has == {
        "api": "/api/", "port": "8001", "user": "7", "tokens": None, "lang": "de", "tabs": "all MENTION",
        "in-title": None,
    }  # fmt: skip
    assert csrf is not None
    assert re.fullmatch(r"\w{64}", csrf)
    assert source == {"type": "module", "src": "/static/clarion/elements.js"}
    assert re.search(r">\s*</script>", html)
    assert "style" not in html


@pytest.mark.parametrize("element", ["bell", "inbox", "preferences"])
def test_each_element(ann: User, element: str) -> None:
    """Each element has a tag, which renders nothing for a user who is not signed in."""
    assert Tags(rendered(f"{{% clarion_{element} %}}", ann)).found[0][0] == f"clarion-{element}"
    assert rendered(f"{{% clarion_{element} %}}", AnonymousUser()) == ""


def test_own_attributes(ann: User) -> None:
    """An attribute of the template's own replaces the usual one, and is escaped; None leaves it out."""
    html = rendered("""{% clarion_bell api='/x"y/' tokens=None csrf=None lang="ar" %}""", ann)
    (_, has), _ = Tags(html).found
    assert (has["api"], has["lang"]) == ('/x"y/', "ar")
    assert not {"tokens", "csrf"} & set(has)


def test_attributes_and_script(ann: User) -> None:
    """For an element with children there are tags for its attributes and for the script, which takes a nonce."""
    html = rendered("<clarion-inbox{% clarion_attributes %}><option></option></clarion-inbox>{% clarion_script %}", ann,
                    csp_nonce='n"1')  # fmt: skip
    (inbox, has), _, (script, source) = Tags(html).found
    assert (inbox, has["user"], script, source["nonce"]) == ("clarion-inbox", "7", "script", 'n"1')


def test_csrf_token_is_valid(ann: User) -> None:
    """The token of the element is one of the request's session or cookie."""
    request = RequestFactory().get("/")
    request.user = ann
    html = Template("{% load clarion %}{% clarion_bell %}").render(RequestContext(request))
    assert request.META["CSRF_COOKIE"]
    assert len(Tags(html).found[0][1]["csrf"] or "") == len(get_token(request))


@pytest.mark.urls("tests.integration.no_urls")
def test_missing_api(ann: User) -> None:
    """Without the API in the project's urls the error names the line that is missing."""
    with pytest.raises(TemplateSyntaxError, match=r'path\("api/", clarion.pipeline.api.api.urls\)'):
        rendered("{% clarion_bell %}", ann)
    assert 'api="/there/"' in rendered('{% clarion_bell api="/there/" %}', ann)
