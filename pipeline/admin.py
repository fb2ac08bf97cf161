"""The outbox and the inboxes in Django's admin, for operators.

Unfinished work is shown with its errors and the actions for it.

Usable with millions of rows: nothing is counted in full, and lists are ordered by their primary keys. Only the pipeline
writes rows, so all pages are read-only, except for the actions of operators: see pipeline/dashboard/.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import F, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from ..shared.inbox.models import Announcement, Epoch, Inbox, Mute, Person
from . import events
from .dashboard import actions, links, views
from .inbox import snapshots
from .outbox.models import Batch, Event, Sample
from .outbox.timeline import lines_of
from .outbox.work import BATCH, EVENT, WorkType
from .persons import has_integer_keys, keys_of

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    RowPaginator = Paginator[Any]
else:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin
    RowPaginator = Paginator

#: The number of rows in a table, as of its last analysis.
_ESTIMATE = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass"

#: Rows from which on a table is not counted but estimated.
COUNTED_MAX = 50_000

#: Notifications shown on the page of an inbox.
NEWEST_SHOWN = 50


class EstimatedPaginator(RowPaginator):
    """Estimates the size of large tables from Postgres' statistics, because counting millions of rows is slow."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows; of a large table without a filter, as of its last analysis."""
        query = self.object_list.query  # type: ignore[attr-defined]  # the admin gives querysets
        if not query.where:
            with connection.cursor() as cursor:
                cursor.execute(_ESTIMATE, [query.get_meta().db_table])
                (estimate,) = cursor.fetchone()
            if estimate >= COUNTED_MAX:
                return int(estimate)
        return super().count


class DeclaredName(admin.SimpleListFilter):
    """Events by their declared names: reading all names from millions of rows would be slow."""

    title = "name"
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the names that are declared in this process."""
        return [(name, name) for name in sorted(events.all_declared())]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Return the events with the chosen name."""
        return queryset.filter(name=self.value()) if self.value() else queryset


class ReadOnly(ModelAdmin):
    """Base of pages without adding, changing and deleting."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False."""
        return False


class WorkAdmin(ReadOnly):
    """Events and batches, with the actions for dead letters."""

    kind: WorkType
    list_filter: ClassVar[tuple[Any, ...]] = ("state",)
    actions = ("replay", "discard")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may replay and discard: that needs the permission to change, not only to view."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @admin.action(description="Replay dead letters", permissions=["act"])
    def replay(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Replay; a recipient who has the notification is not notified again."""
        count = actions.replay(request.user, self.kind, list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{count} replayed; the others are not dead letters.", messages.SUCCESS)

    @admin.action(description="Discard dead letters", permissions=["act"])
    def discard(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Mark as done without notifying."""
        count = actions.discard(request.user, self.kind, list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{count} discarded; the others are not dead letters.", messages.SUCCESS)


@admin.register(Event)
class EventAdmin(WorkAdmin):
    """Events, each with its timeline."""

    kind = EVENT
    list_display = ("pk", "name", "key", "actor", "state", "recipients", "attempts", "recorded_at")
    list_filter = ("state", DeclaredName, "recorded_at", "lane")
    search_fields = ("=key", "=id")
    search_help_text = "Key or id"
    readonly_fields = ("timeline", "links", "by")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Return what an operator looks for first, then the columns."""
        first = list(self.readonly_fields)
        return first + [str(field) for field in super().get_fields(request, obj) if field not in first]

    @admin.display(description="Timeline")
    def timeline(self, event: Event) -> SafeString:
        """Render the lines of the timeline."""
        lines = ((f"{localtime(at):%Y-%m-%d %H:%M:%S.%f %Z}", what) for at, what in lines_of(event))
        return format_html_join("", "<div>{} {}</div>", lines)

    @admin.display(description="Leads to")
    def links(self, event: Event) -> SafeString:
        """Render links to its batches and announcements."""
        return links.of_event(event)

    @admin.display(description="By")
    def by(self, event: Event) -> SafeString:
        """Render a link to the actor."""
        return links.to_user(event.actor)


@admin.register(Batch)
class BatchAdmin(WorkAdmin):
    """Batches; their recipients are too many to list."""

    kind = BATCH
    list_display = ("pk", "of", "number", "state", "stored", "attempts", "recorded_at", "finished_at")
    search_fields = ("=event__id",)
    search_help_text = "Id of the event"
    exclude = ("recipients", "event", "announcement_id")
    readonly_fields = ("of", "announced")

    @admin.display(description="Event", ordering="event_id")
    def of(self, batch: Batch) -> SafeString:
        """Render a link to its event."""
        return links.to(Event, batch.event_id, f"event {batch.event_id}")

    @admin.display(description="Announcement")
    def announced(self, batch: Batch) -> SafeString:
        """Render a link to its announcement."""
        return links.to(Announcement, batch.announcement_id, f"announcement {batch.announcement_id}")


@admin.register(Sample)
class HealthAdmin(ReadOnly):
    """The operators' page instead of a list of samples."""

    def get_urls(self) -> list[URLPattern]:
        """Return the pages of operators, and those of any model."""
        site = self.admin_site
        return [
            path("health/", site.admin_view(self.health), name="clarion_pipeline_health"),
            path("runbook/", site.admin_view(self.runbook), name="clarion_pipeline_runbook"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead from the admin's index to the dashboard."""
        return HttpResponseRedirect(reverse("admin:clarion_pipeline_health", current_app=self.admin_site.name))

    def health(self, request: HttpRequest) -> HttpResponse:
        """Show the dashboard, or run an action of an operator."""
        context = self._context(request)
        return views.act(request, context) if request.method == "POST" else views.show(request, context)

    def runbook(self, request: HttpRequest) -> HttpResponse:
        """Say what to do about each problem."""
        context = self._context(request) | {"title": "Runbook"}
        return TemplateResponse(request, "admin/clarion_pipeline/runbook.html", context)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.admin_site.each_context(request)


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnly):
    """The announcements: the shared content of notifications."""

    list_display = ("pk", "kind", "actor_username", "topic", "of", "created_at")
    search_fields = ("=event_id",)
    search_help_text = "Id of the event"
    readonly_fields = ("of",)
    exclude = ("event_id",)

    @admin.display(description="Event", ordering="event_id")
    def of(self, announcement: Announcement) -> SafeString:
        """Render a link to its event, which may have been purged."""
        return links.to(Event, announcement.event_id, f"event {announcement.event_id}")


class OfUsers(ReadOnly):
    """Rows of users, who are shown by their keys and searched by key or name."""

    search_help_text = "Key or name of a user"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        """Return the rows, with the key of each user."""
        rows: QuerySet[Any] = super().get_queryset(request)
        key: Any = F("user_id")
        if not has_integer_keys():
            key = Subquery(Person.objects.filter(pk=OuterRef("user_id")).values("key"))
        annotated: QuerySet[Any] = rows.annotate(user_key=key)
        return annotated

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """Find the rows of the users with this key or name."""
        found = queryset.filter(user_id__in=links.numbers_of(search_term)) if search_term else queryset
        return found, False

    @admin.display(description="User")
    def user(self, row: Any) -> SafeString:
        """Render a link to the user."""
        return links.to_user(row.user_key)


@admin.register(Inbox)
class InboxAdmin(OfUsers):
    """Inboxes, each with its newest notifications: their model has a composite key, which the admin cannot show."""

    list_display = ("pk", "user", "seq", "unread", "floor")
    search_fields = ("=user_id",)
    readonly_fields = ("user", "newest")

    @admin.display(description="Newest notifications")
    def newest(self, inbox: Inbox) -> SafeString:
        """Render id, kind, topic, time and state of each."""
        (key,) = keys_of([inbox.user_id]).values()
        rows = snapshots.newest(key, limit=NEWEST_SHOWN).notifications
        fields = ("notificationId", "notificationType", "topic", "createdAt", "isRead")
        return format_html_join(
            "", "<div>#{} {} {} {} read: {}</div>", ([row[name] for name in fields] for row in rows)
        )


@admin.register(Epoch)
class EpochAdmin(ReadOnly):
    """The identifier of the current history of all inboxes; `manage.py new_epoch` starts another."""

    list_display = ("value",)


@admin.register(Mute)
class MuteAdmin(OfUsers):
    """Mutes of users, by kind and topic."""

    list_display = ("pk", "user", "kind", "topic", "created_at")
    search_fields = ("=user_id",)
