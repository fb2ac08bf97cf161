"""Renders texts of users in templates.

Input: untrusted texts and names. Output: escaped HTML: bodies with their mentions linked, and a colour for a name.
"""

from collections.abc import Mapping
from zlib import crc32

from django import template
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from examples.forum.mentions import segments

register = template.Library()

#: As many as `base.css` has classes `tint-0` and so on.
TINTS = 9


@register.simple_tag
def body(text: str, people: Mapping[str, str], reader: User) -> SafeString:
    """`text` with the mentions of `people` (lower-case name to address) linked, and the reader's own marked."""
    pieces = []
    for segment in segments(text):
        address = people.get(segment.name) if segment.name else None
        if address is None:
            pieces.append(format_html("{}", segment.text))
        else:
            mine = " mention-me" if segment.name == reader.username.lower() else ""
            pieces.append(format_html('<a class="mention{}" href="{}">{}</a>', mine, address, segment.text))
    return mark_safe("".join(pieces))  # noqa: S308 - every piece was escaped above


@register.filter
def tint(name: str) -> int:
    """Return the colour of a user's initial: the same wherever they appear."""
    return crc32(name.encode()) % TINTS
