"""The tables of the inbox."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "recipient_id", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("recipient_id", models.BigIntegerField()),
                ("seq", models.BigIntegerField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("read", "Read"),
                            ("unread", "Unread"),
                            ("read_through", "Read Through"),
                            ("deleted", "Deleted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("notification", models.BigIntegerField(null=True)),
                ("through", models.BigIntegerField(null=True)),
                ("topic", models.CharField(max_length=200, null=True)),
                ("kind", models.CharField(max_length=64, null=True)),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Inbox",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(db_default=0)),
                ("unread", models.IntegerField(db_default=0)),
                ("floor", models.BigIntegerField(db_default=0)),
            ],
            options={
                "verbose_name_plural": "inboxes",
            },
        ),
        migrations.CreateModel(
            name="Announcement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=64)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_username", models.CharField(max_length=150, null=True)),
                ("topic", models.CharField(max_length=200, null=True)),
                ("data", models.JSONField(default=dict)),
                ("message_id", models.CharField(max_length=64, null=True)),
                ("conversation_id", models.CharField(max_length=64, null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("event_id", "kind"), name="inbox_one_kind_an_event")],
            },
        ),
        migrations.CreateModel(
            name="Epoch",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=32)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="inbox_one_epoch")],
            },
        ),
        migrations.CreateModel(
            name="Mute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("kind", models.CharField(blank=True, max_length=64, null=True)),
                ("topic", models.CharField(blank=True, max_length=200, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id", "kind", "topic"), name="inbox_mute_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__isnull", False), ("topic__isnull", False), _connector="OR"),
                        name="inbox_mute_says_what",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "recipient_id", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("recipient_id", models.BigIntegerField()),
                ("seq", models.BigIntegerField()),
                ("event_id", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "announcement",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="inbox.announcement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("event_id", "recipient_id"), name="inbox_once_an_event")
                ],
            },
        ),
        # Half of each page stays free: an inbox is updated with every change of its log, and a new version of the
        # row on the same page needs no new index entry.
        migrations.RunSQL(
            "ALTER TABLE inbox_inbox SET (fillfactor = 50)", "ALTER TABLE inbox_inbox RESET (fillfactor)"
        ),
    ]
