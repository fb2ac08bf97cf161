"""Threads and messages for operators."""

from django.contrib import admin

from examples.forum.models import Message, Thread


@admin.register(Thread)
class ThreadAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Threads, newest first."""

    list_display = ("title", "author", "created_at")
    search_fields = ("title",)
    raw_id_fields = ("author",)
    ordering = ("-pk",)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Messages, newest first."""

    list_display = ("__str__", "thread", "author", "origin", "created_at")
    list_filter = ("origin",)
    list_select_related = ("thread", "author")
    search_fields = ("body",)
    raw_id_fields = ("thread", "author", "parent")
    ordering = ("-pk",)
