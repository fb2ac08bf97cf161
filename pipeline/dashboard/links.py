"""Links between the pages of the admin: an event, its batches, its announcements and its users.

Input: rows of the outbox or of an inbox. Output: HTML. A row that was purged, or a model that the project's admin does
not have, is shown without a link.
"""

from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ...shared.inbox.models import Announcement
from ...shared.user_model import name_field
from ..outbox.models import Batch, Event
from ..persons import number_of

#: Batches of an event that are linked one by one; their list has the others.
LINKED_MAX = 20

#: Users of one name that a search finds.
NAMESAKES_MAX = 20


def to(model: type[Model], pk: object, text: str) -> SafeString:
    """Return a link to the page of this row."""
    try:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    except NoReverseMatch:
        return _text(text)
    return format_html('<a href="{}">{}</a>', address, text)


def to_user(key: object) -> SafeString:
    """Return a link to the page of this user."""
    return _text("nobody") if key is None else to(get_user_model(), key, f"user {key}")


def of_event(event: Event) -> SafeString:
    """Return links to the batches and announcements of an event."""
    batches = list(Batch.objects.filter(event=event).order_by("pk").values_list("pk", "number")[: LINKED_MAX + 1])
    rows = [to(Batch, pk, f"batch {number}") for pk, number in batches[:LINKED_MAX]]
    if len(batches) > LINKED_MAX:
        every = f"{reverse('admin:clarion_pipeline_batch_changelist')}?q={event.pk}"
        rows.append(format_html('<a href="{}">all batches</a>', every))
    announced = Announcement.objects.filter(event_id=event.pk).order_by("pk").values_list("pk", "kind")
    rows += [to(Announcement, pk, f"announcement {kind}") for pk, kind in announced]
    return format_html_join(", ", "{}", ((row,) for row in rows)) or _text("none yet")


def numbers_of(term: str) -> set[int]:
    """Return the inbox numbers of the users whose key or name is this text."""
    keys: list[object] = [term]
    model: Any = get_user_model()
    fields = {model.USERNAME_FIELD, *([] if (name := name_field()) is None else [name.name])}
    for field in sorted(fields):
        # A field of numbers, as of telephones, does not take every text.
        with suppress(ValueError, ValidationError):
            keys += model._default_manager.filter(**{field: term}).values_list("pk", flat=True)[:NAMESAKES_MAX]
    return {number for key in keys if (number := _number_of(key)) is not None}


def _number_of(key: object) -> int | None:
    try:
        return number_of(key)
    except ValueError:
        return None


def _text(text: str) -> SafeString:
    return format_html("{}", text)
