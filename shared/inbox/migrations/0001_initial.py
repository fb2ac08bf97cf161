"""The tables of the inbox."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Collapse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "recipient_id", "kind", "topic", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("recipient_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=64)),
                ("topic", models.CharField(max_length=200)),
                ("first", models.BigIntegerField()),
                ("latest", models.BigIntegerField()),
                ("count", models.IntegerField()),
                ("actors", models.JSONField()),
                (
                    "actor_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
            ],
            options={
                "db_table": "clarion_collapse",
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.TextField(db_collation="C")),
            ],
            options={
                "db_table": "clarion_person",
                "constraints": [models.UniqueConstraint(fields=("key",), name="clarion_one_number_a_key")],
            },
        ),
        migrations.CreateModel(
            name="Inbox",
            fields=[
                ("user_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "key",
                    models.TextField(
                        db_collation="C", help_text="A copy of the person's, so that frames need no join", null=True
                    ),
                ),
                ("seq", models.BigIntegerField(db_default=0)),
                ("unread", models.IntegerField(db_default=0)),
                ("floor", models.BigIntegerField(db_default=0)),
                ("seen", models.BigIntegerField(db_default=0)),
                (
                    "window_at",
                    models.DateTimeField(
                        help_text="When the window began in which window_count are counted", null=True
                    ),
                ),
                ("window_count", models.IntegerField(db_default=0)),
                ("not_before", models.DateTimeField(help_text="Tokens issued earlier are revoked", null=True)),
            ],
            options={
                "verbose_name_plural": "inboxes",
                "db_table": "clarion_inbox",
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
                ("traceparent", models.CharField(max_length=64, null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "clarion_announcement",
                "indexes": [models.Index(fields=["actor_id", "kind", "created_at"], name="clarion_told_by_actor")],
                "constraints": [models.UniqueConstraint(fields=("event_id", "kind"), name="clarion_one_kind_an_event")],
            },
        ),
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
                            ("seen", "Seen"),
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
            options={
                "db_table": "clarion_change",
                "indexes": [models.Index(fields=["created_at"], name="clarion_change_by_age")],
            },
        ),
        migrations.CreateModel(
            name="Epoch",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=32)),
                ("timeline", models.CharField(max_length=8, null=True)),
            ],
            options={
                "db_table": "clarion_epoch",
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="clarion_one_epoch")],
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
                "db_table": "clarion_mute",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id", "kind", "topic"), name="clarion_mute_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__isnull", False), ("topic__isnull", False), _connector="OR"),
                        name="clarion_mute_says_what",
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
                (
                    "announcement",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="clarion_inbox.announcement",
                    ),
                ),
                ("event_id", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("quiet", models.BooleanField(null=True)),
                ("first", models.BigIntegerField(null=True)),
                ("replaced_by", models.BigIntegerField(null=True)),
                ("count", models.IntegerField(null=True)),
                ("actors", models.JSONField(null=True)),
                ("actor_count", models.IntegerField(null=True)),
            ],
            options={
                "db_table": "clarion_notification",
                "constraints": [
                    models.UniqueConstraint(fields=("event_id", "recipient_id"), name="clarion_once_an_event")
                ],
            },
        ),
        # Half of each page stays free: an inbox is updated with each change of its log, and a new version of the row on the
        # same page needs no new index entry.
        migrations.RunSQL("ALTER TABLE clarion_inbox SET (fillfactor = 50)", migrations.RunSQL.noop),
        # The identity of this installation (shared/installation.py): a table without a model, so that a flush keeps it.
        migrations.RunSQL(
            """
            CREATE TABLE clarion_installation (id smallint PRIMARY KEY CHECK (id = 1), value uuid NOT NULL);
            INSERT INTO clarion_installation VALUES (1, gen_random_uuid());
            """,
            "DROP TABLE clarion_installation",
        ),
        # The current timeline of Postgres (pipeline/epoch.py). Some managed servers do not have the functions that it
        # calls: there it returns NULL, so no change of the timeline is seen.
        migrations.RunSQL(
            """
            CREATE FUNCTION clarion_timeline() RETURNS text LANGUAGE plpgsql STABLE AS $$
            BEGIN
                RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8);
            EXCEPTION WHEN OTHERS THEN
                RETURN NULL;
            END $$
            """,
            "DROP FUNCTION clarion_timeline()",
        ),
    ]
