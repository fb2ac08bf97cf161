"""The identity of this installation (shared/installation.py): a table without a model, so that a flush leaves it alone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inbox", "0005_revocation")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE inbox_installation (id smallint PRIMARY KEY CHECK (id = 1), value uuid NOT NULL);
            INSERT INTO inbox_installation VALUES (1, gen_random_uuid());
            """,
            "DROP TABLE inbox_installation",
        )
    ]
