"""Let autovacuum look after the outbox after fewer changes than by default, for the reasons of the inbox's tables."""

from django.db import migrations

TABLES = ("clarion_event", "clarion_batch")

SET = """
ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05,
                    autovacuum_analyze_scale_factor = 0.02)
"""
RESET = """
ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor,
                      autovacuum_analyze_scale_factor)
"""


class Migration(migrations.Migration):
    dependencies = [("clarion_pipeline", "0001_initial")]

    operations = [migrations.RunSQL(SET.format(table=table), RESET.format(table=table)) for table in TABLES]
