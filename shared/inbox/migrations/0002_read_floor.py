"""Reading all in constant time: a seq of the inbox, and a mark for what was marked as unread again since.

Only adds, without a rewrite of a table, so old processes continue to work. Backwards, each notification that was read
with all others is marked by itself, as older code expects.
"""

from django.db import migrations, models

READ_BY_THEMSELVES = """
UPDATE clarion_notification n SET read_at = now()
  FROM clarion_inbox i
 WHERE i.user_id = n.recipient_id AND n.seq <= i.read_floor AND n.read_at IS NULL AND n.unread_again IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("clarion_inbox", "0001_initial")]

    operations = [
        migrations.AddField("inbox", "read_floor", models.BigIntegerField(db_default=0)),
        migrations.AddField("notification", "unread_again", models.BooleanField(null=True)),
        migrations.RunSQL(migrations.RunSQL.noop, READ_BY_THEMSELVES),
    ]
