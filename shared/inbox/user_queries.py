"""The SQL that reads the app's table of users: who connects, with their inbox, and whether they still may.

Table and columns are the operator's settings, quoted here; values are named parameters.
"""

from dataclasses import dataclass

from ..user_keys import KeyType
from .queries import EPOCH, NAME_MAX_LENGTH, UNSEEN, log_sql


@dataclass(frozen=True, slots=True)
class UserTable:
    """The table of users and its columns, as the operator's settings name them; never input.

    A table may be qualified by its schema. An empty column is not read: without `username_column` users have no name,
    without `active_column` all users are active, without `subject_column` no other issuer names users.
    """

    table: str
    id_column: str
    username_column: str = ""
    active_column: str = ""
    subject_column: str = ""
    keys: KeyType = KeyType.INTEGER

    @property
    def user(self) -> str:
        """Select the columns `id`, `username` and `active` of `u`, without a condition."""
        t = _quoted_table(self.table)
        name = f"coalesce({name_sql(self.username_column)}, '')" if self.username_column else "''"
        return f"SELECT {self.key} AS id, {name} AS username, {self.active} AS active FROM {t} u"  # noqa: S608 - quoted

    @property
    def key(self) -> str:
        """The key of the row `u`, in its one form."""
        pk = _quoted(self.id_column)
        return f"u.{pk}" if self.keys is KeyType.INTEGER else f'u.{pk}::text COLLATE "C"'

    @property
    def active(self) -> str:
        """Whether the row `u` is of a user who may connect."""
        return f"(u.{_quoted(self.active_column)} IS TRUE)" if self.active_column else "true"


def name_sql(column: str) -> str:
    """Return SQL for the name of the user in row `u`, cut to NAME_MAX_LENGTH."""
    return f"left(u.{_quoted(column)}::text, {NAME_MAX_LENGTH})"


def connect_sql(users: UserTable) -> str:
    """Build the query of any number of connects: each user, the head of the inbox, its log after the cursor.

    The parameters are three arrays with an element for each connect: `user_ids`, or where that is null `subjects` (the
    user's name at another issuer), and `afters`. Columns: the number of the connect, from 1, user id, username, whether
    active, the time before which tokens are revoked, then those of `log_after_sql`; in order. No row: unknown user.
    """
    pk, subject, user, sql_type = _quoted(users.id_column), _quoted(users.subject_column), users.user, users.keys.sql
    number, inbox = "u.id::bigint", "clarion_inbox i WHERE i.user_id = u.id"
    if users.keys is not KeyType.INTEGER:
        number = "coalesce(max(i.user_id), 0)"
        # A subquery and no join, because this statement is planned each time.
        inbox = "clarion_inbox i WHERE i.user_id = (SELECT p.id FROM clarion_person p WHERE p.key = u.id)"
    named = f"UNION ALL {user} WHERE asked.user_id IS NULL AND u.{subject} = asked.subject"
    named = named if users.subject_column else ""
    return f"""
SELECT asked.number, u.id, u.username, u.active, head.not_before,
       {EPOCH} AS epoch, head.seq AS head_seq, head.unread, head.floor, head.seen, counted.unseen, log.*
  FROM unnest(%(user_ids)s::{sql_type}[], %(subjects)s::text[], %(afters)s::bigint[])
       WITH ORDINALITY asked(user_id, subject, after, number)
  CROSS JOIN LATERAL ({user} WHERE u.{pk} = asked.user_id {named}) u
  CROSS JOIN LATERAL (
        SELECT {number} AS user_id, coalesce(max(i.seq), 0) AS seq, coalesce(max(i.unread), 0) AS unread,
               coalesce(max(i.floor), 0) AS floor, coalesce(max(i.seen), 0) AS seen,
               coalesce(max(i.read_floor), 0) AS read_floor, max(i.not_before) AS not_before
          FROM {inbox}
  ) head {UNSEEN} {log_sql(users.keys, "asked.after")}
 ORDER BY asked.number, log.seq
"""  # noqa: S608 - names quoted above


def heads_sql(users: UserTable) -> str:
    """How far each of many inboxes is, and whether its user may still listen: what open sockets are held against.

    Columns: user id, epoch, seq, whether active, since when tokens count. No row: the user is gone.
    """
    t, pk, active, key = _quoted_table(users.table), _quoted(users.id_column), users.active, users.key
    inbox, asked = f"clarion_inbox i ON i.user_id = u.{pk}", "%(user_ids)s"
    if users.keys is not KeyType.INTEGER:
        inbox = f"clarion_person p ON p.key = {key} LEFT JOIN clarion_inbox i ON i.user_id = p.id"
        asked = f"%(user_ids)s::{users.keys.sql}[]"
    return f"""
SELECT {key}, {EPOCH}, coalesce(i.seq, 0), {active}, i.not_before
  FROM {t} u LEFT JOIN {inbox}
 WHERE u.{pk} = ANY({asked})
"""  # noqa: S608 - names quoted above


def password_sql(users: UserTable) -> str:
    """Build the query for the hash of a user's password, which is read if sessions of the web app open sockets."""
    t, pk = _quoted_table(users.table), _quoted(users.id_column)
    return f"SELECT password FROM {t} WHERE {pk} = %(user_id)s::{users.keys.sql}"  # noqa: S608 - quoted


def probes(users: UserTable) -> list[tuple[str, str]]:
    """Return (setting, statement) pairs: a statement fails if the setting is wrong. In order; the first counts."""
    t, pk, name = _quoted_table(users.table), _quoted(users.id_column), _quoted(users.username_column)
    subject = _quoted(users.subject_column)
    conditions = [
        ("CLARION_USER_TABLE", "true"),
        ("CLARION_USER_ID_COLUMN", f"u.{pk} IS NULL"),
        ("CLARION_USER_KEY", f"u.{pk} = NULL::{users.keys.sql}"),
    ]
    if users.username_column:
        conditions.append(("CLARION_USERNAME_COLUMN", f"u.{name} IS NULL"))
    if users.active_column:
        conditions.append(("CLARION_USER_ACTIVE_COLUMN", users.active))
    if users.subject_column:
        conditions.append(("CLARION_JWKS_USER_COLUMN", f"u.{subject} = ''::text"))
    return [
        (setting, f"SELECT 1 FROM {t} u WHERE {condition} LIMIT 0")  # noqa: S608 - names quoted above
        for setting, condition in conditions
    ]


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), "")}"'


def _quoted_table(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))
