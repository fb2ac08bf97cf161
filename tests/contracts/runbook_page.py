"""Generates the runbook as a page of Django's admin, so that a problem on the page of health links to what to do.

Input: `docs/runbook.md`. Output: the text of `pipeline/templates/admin/clarion_pipeline/runbook.html`.
`python -m tests.contracts.runbook_page` writes it (`make client`); a test fails if it is stale. It is generated
because an installed Clarion has neither its documentation nor a renderer of Markdown.
"""

from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "docs/runbook.md"
PAGE = ROOT / "pipeline/templates/admin/clarion_pipeline/runbook.html"

HEAD = """{% extends "admin/base_site.html" %}{% load static clarion %}
{# Made from docs/runbook.md by `make client`: change that, not this. #}
{% block extrastyle %}{{ block.super }}<link rel="stylesheet" href="{% static "clarion/health.css" %}">{% endblock %}
{% block content %}
<div id="content-main" class="clarion-health clarion-runbook">
{% clarion_operations %}
{% verbatim %}
"""
FOOT = """{% endverbatim %}
</div>
{% endblock %}
"""


def rendered() -> str:
    """Return the template's text."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(SOURCE.read_text())
    kept: list[Token] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        # An admin page has its title already; an operator needs no names of tests.
        if token.type in ("heading_open", "paragraph_open") and _is_left_out(token, tokens[position + 1]):
            position += 3
            continue
        if token.type == "heading_open":
            token.attrSet("id", section_of(tokens[position + 1].content))
        if token.children:
            token.children = _with_links_of_this_page(token.children)
        kept.append(token)
        position += 1
    html = markdown.renderer.render(kept, markdown.options, {})
    return HEAD + html.replace("<pre>", '<pre tabindex="0">') + FOOT  # scrolled by keyboard too


def section_of(heading: str) -> str:
    """Return the fragment of a section, as in the documentation."""
    return heading.lower().replace(" ", "-")


def _is_left_out(token: Token, text: Token) -> bool:
    return token.tag == "h1" or text.content.startswith("**Tried**")


def _with_links_of_this_page(children: list[Token]) -> list[Token]:
    """Return the tokens without the links that lead into the documentation; their texts stay."""
    kept, leads_out = [], False
    for token in children:
        if token.type == "link_open":
            leads_out = not str(token.attrGet("href")).startswith("#")
        if not (leads_out and token.type in ("link_open", "link_close")):
            kept.append(token)
        if token.type == "link_close":
            leads_out = False
    return kept


if __name__ == "__main__":
    PAGE.write_text(rendered())
