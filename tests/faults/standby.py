"""A standby of the stack's Postgres, and a failover to it.

Input: the stack, with Postgres running. Output: a standby that streams from it on a port of its own, and later
Postgres replaced by that standby.
"""

import shutil
import subprocess

import psycopg

from dev.servers import Postgres
from tests.faults.stack import POSTGRES, Stack


def started(stack: Stack) -> Postgres:
    """Start a standby."""
    standby = Postgres(stack.folder / "standby", settings=POSTGRES | {"primary_conninfo": stack.postgres.conninfo})
    with stack.database() as database:
        database.execute("SELECT pg_backup_start('standby', fast => true)")
        shutil.rmtree(standby.home, ignore_errors=True)
        standby.home.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(stack.postgres.home), str(standby.home)], check=True)
        label = database.execute("SELECT labelfile FROM pg_backup_stop()").fetchone()
    assert label is not None
    (standby.home / "backup_label").write_text(label[0])
    (standby.home / "standby.signal").touch()
    (standby.home / "postmaster.pid").unlink()
    subprocess.run(["chown", "-R", f"--reference={standby.home}", str(standby.home)], check=True)
    return standby.start()


def caught_up(stack: Stack, standby: Postgres) -> bool:
    """Return whether it has replayed all that Postgres has."""
    with stack.database() as database, psycopg.connect(standby.url, autocommit=True) as other:
        head = database.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert head is not None
        replayed = other.execute("SELECT pg_last_wal_replay_lsn() >= %s", head).fetchone()
        return bool(replayed and replayed[0])


def replace_postgres(stack: Stack, standby: Postgres) -> None:
    """Have the standby, which was stopped, answer in the place of Postgres, which was killed."""
    shutil.rmtree(stack.postgres.home)
    subprocess.run(["cp", "-a", str(standby.home), str(stack.postgres.home)], check=True)
    shutil.rmtree(standby.home)
    stack.postgres.start()
