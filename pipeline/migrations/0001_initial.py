"""The tables of the outbox."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("kind", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("paused_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("paused_by", models.CharField(blank=True, db_default="", max_length=150)),
            ],
            options={
                "db_table": "clarion_pause",
            },
        ),
        migrations.CreateModel(
            name="Retention",
            fields=[
                ("step", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(db_default=0)),
                ("under_way", models.BooleanField(db_default=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("whole_at", models.DateTimeField(help_text="When it last began at its beginning", null=True)),
                ("leased_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "clarion_retention",
            },
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), primary_key=True, serialize=False
                    ),
                ),
                ("data", models.JSONField()),
            ],
            options={
                "verbose_name": "sample of health",
                "verbose_name_plural": "health",
                "db_table": "clarion_sample",
                "permissions": [("drain_edge", "Can have an edge say goodbye to its sockets, or take sockets again")],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("expanded", "Expanded"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("paused", "Paused"),
                        ],
                        db_default="pending",
                        max_length=8,
                    ),
                ),
                (
                    "attempts",
                    models.IntegerField(db_default=0, help_text="Repeated starts that did not come to an end"),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="When the sweep enqueues it again, if it is still pending then"),
                ),
                (
                    "hinted_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="When it was last enqueued"
                    ),
                ),
                (
                    "failing_since",
                    models.DateTimeField(help_text="First failure of its own, since it last worked", null=True),
                ),
                ("error", models.TextField(blank=True, db_default="")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("key", models.CharField(help_text="Idempotency key: the same key is the same event", max_length=200)),
                ("name", models.CharField(max_length=120)),
                (
                    "service",
                    models.CharField(
                        blank=True, db_default="", help_text="Which service sent it; empty: web app", max_length=64
                    ),
                ),
                ("payload", models.JSONField()),
                ("actor_id", models.BigIntegerField(null=True)),
                (
                    "actor_key",
                    models.TextField(help_text="The actor instead, if keys of users are not integers", null=True),
                ),
                ("traceparent", models.CharField(blank=True, db_default="", max_length=64)),
                ("recipients", models.IntegerField(help_text="How many are told, once it is expanded", null=True)),
                (
                    "source",
                    models.CharField(db_default="", help_text="What it is one of many of, in a storm", max_length=200),
                ),
                (
                    "lane",
                    models.CharField(
                        db_default="events", help_text="The queue that it is expanded from", max_length=16
                    ),
                ),
                (
                    "enqueued_at",
                    models.DateTimeField(help_text="When the hint was given that the worker followed", null=True),
                ),
                ("expanded_at", models.DateTimeField(null=True)),
                (
                    "muted",
                    models.IntegerField(
                        help_text="How many were left out because they do not want to hear of it", null=True
                    ),
                ),
                (
                    "paused_kind",
                    models.CharField(
                        blank=True, db_default="", help_text="Which paused kind it waits for", max_length=64
                    ),
                ),
                (
                    "dropped",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        db_default=[],
                        help_text="Kinds that were over their limit",
                        size=None,
                    ),
                ),
                (
                    "slots",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        db_default=[],
                        help_text="Kinds over their limit that it has waited for",
                        size=None,
                    ),
                ),
            ],
            options={
                "db_table": "clarion_event",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="clarion_event_due"
                    ),
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["state"],
                        name="clarion_event_unfinished",
                    ),
                    models.Index(fields=["source", "recorded_at"], name="clarion_event_source"),
                ],
                "constraints": [models.UniqueConstraint(fields=("key", "name", "service"), name="clarion_event_once")],
            },
        ),
        migrations.CreateModel(
            name="Pace",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "actor_id", "kind", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("actor_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=64)),
                ("reserved_until", models.DateTimeField()),
            ],
            options={
                "db_table": "clarion_pace",
                "indexes": [models.Index(fields=["reserved_until"], name="clarion_pace_age")],
            },
        ),
        migrations.CreateModel(
            name="UsedKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key", "name", "service", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=120)),
                ("service", models.CharField(max_length=64)),
                ("event_id", models.BigIntegerField()),
                ("digest", models.UUIDField(help_text="MD5 of the payload, as Postgres writes it")),
                ("used_at", models.DateTimeField()),
            ],
            options={
                "db_table": "clarion_used_key",
                "indexes": [models.Index(fields=["used_at"], name="clarion_used_key_age")],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("expanded", "Expanded"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("paused", "Paused"),
                        ],
                        db_default="pending",
                        max_length=8,
                    ),
                ),
                (
                    "attempts",
                    models.IntegerField(db_default=0, help_text="Repeated starts that did not come to an end"),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="When the sweep enqueues it again, if it is still pending then"),
                ),
                (
                    "hinted_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="When it was last enqueued"
                    ),
                ),
                (
                    "failing_since",
                    models.DateTimeField(help_text="First failure of its own, since it last worked", null=True),
                ),
                ("error", models.TextField(blank=True, db_default="")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("announcement_id", models.BigIntegerField()),
                ("number", models.IntegerField()),
                (
                    "lane",
                    models.CharField(
                        db_default="bursts", help_text="The queue that it is delivered from", max_length=16
                    ),
                ),
                (
                    "recipients",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("persisted_at", models.DateTimeField(null=True)),
                (
                    "stored",
                    models.IntegerField(
                        help_text="Notifications inserted; the rest were there from an earlier try", null=True
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="clarion_pipeline.event"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "db_table": "clarion_batch",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="clarion_batch_due"
                    ),
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["state"],
                        name="clarion_batch_unfinished",
                    ),
                ],
            },
        ),
        # A batch is written once, read once and removed: compressing its recipients took a quarter of the fan-out.
        migrations.RunSQL(
            "ALTER TABLE clarion_batch ALTER COLUMN recipients SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
    ]
