"""Template tags: the elements of the browser client in a page, as `{% clarion_bell %}`, and the operators' menu.

Input: the context of a template that a request renders. Output: HTML without inline scripts or styles, so that a strict
content security policy holds: the element with its addresses, user, CSRF token and language, and the script of the
elements. Nothing for a user who is not signed in, and no menu for one who may not view the page of health.
"""

from typing import Any

from django import template
from django.conf import settings
from django.forms.utils import flatatt
from django.template import Context, TemplateSyntaxError
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from ...shared.settings import get_settings
from ..dashboard import menu

register = template.Library()

#: The script that defines the elements, in the static files of this app.
SCRIPT = "clarion/elements.js"

_NOTHING = mark_safe("")


@register.simple_tag(takes_context=True)
def clarion_bell(context: Context, **attributes: Any) -> SafeString:
    """Render a bell with its panel, and its script. Attributes of the element: `tabs="all unread MENTION"`."""
    return _element(context, "clarion-bell", attributes)


@register.simple_tag(takes_context=True)
def clarion_inbox(context: Context, **attributes: Any) -> SafeString:
    """Render a list of all notifications, and its script."""
    return _element(context, "clarion-inbox", attributes)


@register.simple_tag(takes_context=True)
def clarion_preferences(context: Context, **attributes: Any) -> SafeString:
    """Render the choice of kinds and muted topics, and its script: `kinds="MENTION REPLY"`."""
    return _element(context, "clarion-preferences", attributes)


@register.simple_tag(takes_context=True)
def clarion_attributes(context: Context, **attributes: Any) -> SafeString:
    """Render the attributes alone, for an element with children: `<clarion-bell{% clarion_attributes %}>`."""
    return flatatt(_attributes(context, attributes))


@register.simple_tag(takes_context=True)
def clarion_script(context: Context) -> SafeString:
    """Render the script of the elements alone. A browser runs it once, also if a page has it more than once."""
    # With a policy by nonces: Django's own, or that of django-csp.
    nonce = context.get("csp_nonce") or getattr(context.get("request"), "csp_nonce", None)
    html = format_html('<script type="module" src="{}"', static(SCRIPT))
    return html + (format_html(' nonce="{}"></script>', nonce) if nonce else mark_safe("></script>"))


@register.inclusion_tag("admin/clarion_pipeline/_operations.html", takes_context=True)
def clarion_operations(context: Context) -> dict[str, Any]:
    """Render links to the operators' pages, with the number of dead letters."""
    request = context.get("request")
    return {"pages": [] if request is None else menu.pages(request), "here": request and request.path}


@register.simple_tag(takes_context=True)
def clarion_dead_letters(context: Context) -> int:
    """Return the number of dead letters: `{% clarion_dead_letters as count %}`. 0 for users who may not view it."""
    request = context.get("request")
    return 0 if request is None else menu.dead_letters(request)


def _element(context: Context, name: str, attributes: dict[str, Any]) -> SafeString:
    if _user(context) is None:
        return _NOTHING
    element = format_html("<{}{}></{}>", mark_safe(name), flatatt(_attributes(context, attributes)), mark_safe(name))  # noqa: S308 - a constant
    return element + clarion_script(context)


def _attributes(context: Context, own: dict[str, Any]) -> dict[str, Any]:
    user = _user(context)
    # Texts of a template count as safe HTML, and may have quotes all the same.
    given = {name.replace("_", "-"): escape(value) if isinstance(value, str) else value for name, value in own.items()}
    found = {
        "api": None if "api" in given else _api(),
        "port": get_settings().public_edge_port,
        "user": None if user is None else user.pk,
        "csrf": context.get("csrf_token"),
        "tokens": True,
        "lang": get_language() or settings.LANGUAGE_CODE,
    }
    return {name: value for name, value in (found | given).items() if value is not None}


def _api() -> str:
    try:
        return reverse("clarion:snapshot").removesuffix("inbox")
    except NoReverseMatch as error:
        raise TemplateSyntaxError(
            'the elements of Clarion need its API: put path("api/", clarion.pipeline.api.api.urls) into your urls, '
            'or name its address: {% clarion_bell api="/api/" %}'
        ) from error


def _user(context: Context) -> Any:
    """Return the user who is signed in, or None."""
    user = context.get("user") or getattr(context.get("request"), "user", None)
    return user if user is not None and user.is_authenticated else None
