"""Let autovacuum look after the tables of the inbox after fewer changes than by default.

With millions of rows, a fifth of a table, the default, is reached once in weeks: until then index-only reads visit the
table, and the planner expects an inbox as it was. Takes a lock that no reader or writer waits for.
"""

from django.db import migrations

TABLES = ("clarion_inbox", "clarion_notification", "clarion_change", "clarion_collapse")

SET = """
ALTER TABLE {} SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05,
                    autovacuum_analyze_scale_factor = 0.02)
"""
RESET = """
ALTER TABLE {} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor,
                      autovacuum_analyze_scale_factor)
"""


class Migration(migrations.Migration):
    dependencies = [("clarion_inbox", "0002_read_floor")]

    operations = [migrations.RunSQL(SET.format(table), RESET.format(table)) for table in TABLES]
