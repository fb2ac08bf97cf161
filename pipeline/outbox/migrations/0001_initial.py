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
                        ],
                        db_default="pending",
                        max_length=8,
                    ),
                ),
                (
                    "attempts",
                    models.IntegerField(
                        db_default=0, help_text="Starts, but for those that failed for reasons outside"
                    ),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="When the sweep enqueues it again, if it is still pending then"),
                ),
                ("error", models.TextField(blank=True, db_default="")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "key",
                    models.CharField(
                        help_text="Idempotency key: the same key is the same event", max_length=200, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("payload", models.JSONField()),
                ("actor_id", models.BigIntegerField(null=True)),
                ("traceparent", models.CharField(blank=True, db_default="", max_length=64)),
                ("recipients", models.IntegerField(help_text="How many are told, once it is expanded", null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="outbox_event_due"
                    )
                ],
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
                        ],
                        db_default="pending",
                        max_length=8,
                    ),
                ),
                (
                    "attempts",
                    models.IntegerField(
                        db_default=0, help_text="Starts, but for those that failed for reasons outside"
                    ),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="When the sweep enqueues it again, if it is still pending then"),
                ),
                ("error", models.TextField(blank=True, db_default="")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("announcement_id", models.BigIntegerField()),
                ("number", models.IntegerField()),
                (
                    "recipients",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="outbox.event"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="outbox_batch_due"
                    )
                ],
            },
        ),
    ]
