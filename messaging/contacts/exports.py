"""Contacts as CSV."""

from typing import IO

from django.utils.translation import gettext as _

from messagehub import sql
from messaging.contacts.contact_listing import Match

# Spreadsheets run a cell that begins with one of these as a formula. A number in E.164 is none, and must stay as it is.
# https://owasp.org/www-community/attacks/CSV_Injection
SAFE = r"CASE WHEN {0} ~ '^[=+\-@\t\r]' AND {0} !~ '^\+[0-9]+$' THEN '''' || {0} ELSE {0} END"
COLUMNS = {
    "chatroom": SAFE.format("r.name"),
    "first_name": SAFE.format("c.first_name"),
    "last_name": SAFE.format("c.last_name"),
    "phone": SAFE.format("c.phone"),
    "email": SAFE.format("c.email"),
    "groups": SAFE.format(
        "(SELECT string_agg(g.name, '; ' ORDER BY lower(g.name)) FROM group_members m"
        " JOIN groups g ON g.id = m.group_id WHERE m.contact_id = c.id)"
    ),
    "blocked": "CASE WHEN c.blocked_at IS NULL THEN 'no' ELSE 'yes' END",
    "last_activity": "to_char(c.last_activity_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    "created": "to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
}
EXPORT = """
COPY (
    SELECT {columns} FROM ({match}) matching JOIN contacts c ON c.id = matching.id
    JOIN chatrooms r ON r.id = c.chatroom_id ORDER BY c.created_at DESC, c.id DESC
) TO STDOUT WITH (FORMAT csv, HEADER true)
"""


def export_contacts(match: Match) -> IO[bytes]:
    """All contacts that match, newest first, as a file in UTF-8 that is read from its beginning."""
    names = {
        "chatroom": _("Chatroom"),
        "first_name": _("First name"),
        "last_name": _("Last name"),
        "phone": _("Phone"),
        "email": _("Email"),
        "groups": _("Groups"),
        "blocked": _("Blocked"),
        "last_activity": _("Last activity"),
        "created": _("Created"),
    }
    columns = ", ".join(f"{column} AS {_quote(names[name])}" for name, column in COLUMNS.items())
    return sql.copy_to_file(EXPORT.format(columns=columns, match=match.statement), match.params)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'
