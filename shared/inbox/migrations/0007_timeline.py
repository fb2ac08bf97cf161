"""The timeline of Postgres beside the epoch, and a function that returns the current one (pipeline/epoch.py)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inbox", "0006_installation")]

    operations = [
        migrations.AddField(
            model_name="epoch",
            name="timeline",
            field=models.CharField(max_length=8, null=True),
        ),
        # Some managed servers do not have the functions that it asks: there it returns NULL, and never differs.
        migrations.RunSQL(
            """
            CREATE FUNCTION inbox_timeline() RETURNS text LANGUAGE plpgsql STABLE AS $$
            BEGIN
                RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8);
            EXCEPTION WHEN OTHERS THEN
                RETURN NULL;
            END $$
            """,
            "DROP FUNCTION inbox_timeline()",
        ),
    ]
