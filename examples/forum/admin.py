"""The forum's rows for operators."""

from django.contrib import admin
from django.http import HttpRequest

from examples.forum.models import (
    Acceptance,
    Analysis,
    Award,
    Collection,
    Document,
    Export,
    Extract,
    Message,
    ModerationAction,
    Thread,
    Vote,
)


@admin.register(Thread)
class ThreadAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Threads, newest first."""

    list_display = ("title", "author", "is_pinned", "is_locked", "deleted_at", "created_at")
    list_filter = ("is_pinned", "is_locked")
    list_select_related = ("author",)
    search_fields = ("title",)
    raw_id_fields = ("author",)
    ordering = ("-pk",)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Messages, newest first."""

    list_display = ("__str__", "thread", "author", "origin", "deleted_at", "created_at")
    list_filter = ("origin",)
    list_select_related = ("thread", "author")
    search_fields = ("body",)
    raw_id_fields = ("thread", "author", "parent")
    ordering = ("-pk",)


@admin.register(Vote)
class VoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Votes, newest first."""

    list_display = ("__str__", "voter", "created_at")
    list_select_related = ("voter",)
    raw_id_fields = ("message", "voter")
    ordering = ("-pk",)


@admin.register(Acceptance)
class AcceptanceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Accepted answers, newest first."""

    list_display = ("__str__", "created_at")
    raw_id_fields = ("thread", "message")
    ordering = ("-pk",)


@admin.register(Award)
class AwardAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Badges that people have, newest first."""

    list_display = ("badge", "user", "awarded_by", "created_at")
    list_filter = ("badge",)
    list_select_related = ("user", "awarded_by")
    raw_id_fields = ("user", "awarded_by")
    ordering = ("-pk",)


@admin.register(ModerationAction)
class ModerationActionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What moderators did, newest first; nothing of it is changed."""

    list_display = ("action", "thread", "message", "moderator", "reason", "created_at")
    list_filter = ("action",)
    list_select_related = ("thread", "message", "moderator")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Forbid additions: the forum's pages do the action that the row describes."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModerationAction | None = None) -> bool:
        """Forbid changes: the row is a record of the past."""
        return False


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Collections."""

    list_display = ("name",)
    search_fields = ("name",)
    raw_id_fields = ("owners",)


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Documents, newest first."""

    list_display = ("title", "starter", "state", "words", "created_at")
    list_filter = ("state",)
    list_select_related = ("starter",)
    raw_id_fields = ("starter", "collections")
    ordering = ("-pk",)


@admin.register(Extract, Analysis, Export)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Other jobs, newest first."""

    list_display = ("__str__", "starter", "state", "error", "created_at")
    list_filter = ("state",)
    list_select_related = ("starter",)
    raw_id_fields = ("starter",)
    ordering = ("-pk",)
