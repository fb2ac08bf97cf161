"""The outbox and the inboxes in Django's admin, for operators.

Unfinished work is shown with its errors and the actions for it.

Usable with millions of rows: nothing is counted in full, and lists are ordered by their primary keys. Rows are written
by the pipeline alone, so all of it is for reading, but for what operators do: see pipeline/health/.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ..shared.inbox.models import Announcement, Epoch, Inbox, Mute
from .dashboard import actions, views
from .inbox import reading
from .outbox.models import Batch, Event, Sample
from .outbox.timeline import story
from .outbox.work import BATCH, EVENT, WorkType

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    RowPaginator = Paginator[Any]
else:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin
    RowPaginator = Paginator

#: How many rows a table has, as of its last analysis.
_ESTIMATE = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass"

#: Rows from which on a table is not counted but estimated.
COUNTED_MAX = 50_000

#: Notifications shown on the page of an inbox.
NEWEST_SHOWN = 50


class EstimatedPaginator(RowPaginator):
    """Counts large tables by what Postgres knows of them: to count millions takes longer than to look at some."""

    @cached_property
    def count(self) -> int:
        """The number of rows; of a whole large table, as of its last analysis."""
        query = self.object_list.query  # type: ignore[attr-defined]  # the admin gives querysets
        if not query.where:
            with connection.cursor() as cursor:
                cursor.execute(_ESTIMATE, [query.get_meta().db_table])
                (estimate,) = cursor.fetchone()
            if estimate >= COUNTED_MAX:
                return int(estimate)
        return super().count


class ReadOnly(ModelAdmin):
    """Nothing is added, changed or deleted by hand."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


class WorkAdmin(ReadOnly):
    """Events and batches, with what to do about those that were parked."""

    kind: WorkType
    list_filter: ClassVar[tuple[str, ...]] = ("state",)
    actions = ("replay", "discard")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Looking is not acting: replaying and discarding need the right to change."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @admin.action(description="Replay what was parked", permissions=["act"])
    def replay(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Replay; a recipient who has the notification is not notified again."""
        count = actions.replay(request.user, self.kind, list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{count} replayed; others were not parked.", messages.SUCCESS)

    @admin.action(description="Discard what was parked", permissions=["act"])
    def discard(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Take it as done."""
        count = actions.discard(request.user, self.kind, list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{count} discarded; others were not parked.", messages.SUCCESS)


@admin.register(Event)
class EventAdmin(WorkAdmin):
    """Events, and each one's story."""

    kind = EVENT
    list_display = ("pk", "name", "key", "actor_id", "state", "recipients", "attempts", "recorded_at")
    list_filter = ("state", "lane")
    search_fields = ("=key", "=id")
    readonly_fields = ("told",)

    @admin.display(description="Story")
    def told(self, event: Event) -> SafeString:
        """What happened to it, with times."""
        return format_html_join("", "<div>{} {}</div>", ((f"{at:%H:%M:%S.%f}", what) for at, what in story(event)))


@admin.register(Batch)
class BatchAdmin(WorkAdmin):
    """Batches; their recipients are too many to list."""

    kind = BATCH
    list_display = ("pk", "event_id", "number", "state", "stored", "attempts", "recorded_at", "finished_at")
    search_fields = ("=event__id",)
    exclude = ("recipients",)


@admin.register(Sample)
class HealthAdmin(ReadOnly):
    """Not a list of samples, but the page that is drawn from them."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the dashboard, or run an action of an operator."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return views.act(request)
        return views.show(request, self.admin_site.each_context(request) | (extra_context or {}))


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnly):
    """The announcements: the shared content of notifications."""

    list_display = ("pk", "kind", "actor_username", "topic", "event_id", "created_at")
    search_fields = ("=event_id",)


@admin.register(Inbox)
class InboxAdmin(ReadOnly):
    """Inboxes, each with its newest notifications: their model has a composite key, which the admin cannot show."""

    list_display = ("user_id", "seq", "unread", "floor")
    search_fields = ("=user_id",)
    readonly_fields = ("newest",)

    @admin.display(description="Newest notifications")
    def newest(self, inbox: Inbox) -> SafeString:
        """Name, kind, topic, time and state."""
        rows = reading.newest(inbox.user_id, limit=NEWEST_SHOWN).notifications
        fields = ("notificationId", "notificationType", "topic", "createdAt", "isRead")
        return format_html_join(
            "", "<div>#{} {} {} {} read: {}</div>", ([row[name] for name in fields] for row in rows)
        )


@admin.register(Epoch)
class EpochAdmin(ReadOnly):
    """Which history the inboxes are; `manage.py new_epoch` begins another."""

    list_display = ("value",)


@admin.register(Mute)
class MuteAdmin(ReadOnly):
    """Who does not want to hear what."""

    list_display = ("pk", "user_id", "kind", "topic", "created_at")
    search_fields = ("=user_id",)
