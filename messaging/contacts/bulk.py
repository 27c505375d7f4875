"""Adding many contacts to a group or removing them from it, in one statement, and undoing that."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import User
from chatrooms import groups
from chatrooms.models import Group
from messagehub import sql
from messaging.contacts.contact_listing import Match
from messaging.models import GroupChange

# The contacts are locked in the order of their ids, as everywhere. One statement: what it adds is what it remembers.
ADD = """
WITH matching AS MATERIALIZED ({match}), locked AS MATERIALIZED (
    SELECT c.id FROM contacts c JOIN matching ON matching.id = c.id
    WHERE c.chatroom_id = %(group_room)s ORDER BY c.id FOR NO KEY UPDATE OF c
), added AS (
    INSERT INTO group_members (organization_id, group_id, contact_id)
    SELECT %(organization)s, %(target)s, id FROM locked ON CONFLICT (group_id, contact_id) DO NOTHING
    RETURNING contact_id
), change AS (
    INSERT INTO group_changes (organization_id, user_id, group_id, kind, contact_ids)
    SELECT %(organization)s, %(user)s, %(target)s, 'added', array_agg(contact_id) FROM added HAVING count(*) > 0
    RETURNING id
)
SELECT (SELECT count(*) FROM added) AS changed,
       (SELECT count(*) FROM locked) - (SELECT count(*) FROM added) AS unchanged,
       (SELECT count(*) FROM matching) - (SELECT count(*) FROM locked) AS elsewhere,
       (SELECT id FROM change) AS change_id
"""
REMOVE = """
WITH matching AS MATERIALIZED ({match}), removed AS (
    DELETE FROM group_members m USING matching WHERE m.group_id = %(target)s AND m.contact_id = matching.id
    RETURNING m.contact_id
), change AS (
    INSERT INTO group_changes (organization_id, user_id, group_id, kind, contact_ids)
    SELECT %(organization)s, %(user)s, %(target)s, 'removed', array_agg(contact_id) FROM removed HAVING count(*) > 0
    RETURNING id
)
SELECT (SELECT count(*) FROM removed) AS changed, (SELECT count(*) FROM matching) - (SELECT count(*) FROM removed)
       AS unchanged, 0 AS elsewhere, (SELECT id FROM change) AS change_id
"""
UNDO = {
    "added": "DELETE FROM group_members WHERE group_id = %(target)s AND contact_id = ANY(%(contacts)s::uuid[])",
    "removed": """
        WITH locked AS MATERIALIZED (
            SELECT id FROM contacts WHERE id = ANY(%(contacts)s::uuid[]) AND chatroom_id = %(group_room)s
            ORDER BY id FOR NO KEY UPDATE
        )
        INSERT INTO group_members (organization_id, group_id, contact_id)
        SELECT %(organization)s, %(target)s, id FROM locked
        ON CONFLICT (group_id, contact_id) DO NOTHING
    """,
}


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How many contacts changed, needed no change, or belong to another chatroom than the group."""

    changed: int
    unchanged: int
    elsewhere: int
    change_id: UUID | None


def add_selected_to_group(group: Group, match: Match, *, by: User) -> BulkResult:
    """Raises GroupGone."""
    return _change_members(ADD, group, match, by)


def remove_selected_from_group(group: Group, match: Match, *, by: User) -> BulkResult:
    """Raises GroupGone."""
    return _change_members(REMOVE, group, match, by)


@transaction.atomic
def undo_group_change(change: GroupChange) -> bool:
    """Returns whether anything was undone; a second call does nothing. Raises GroupGone."""
    _lock_group(change.group)
    if not GroupChange.objects.filter(pk=change.pk, undone_at=None).update(undone_at=Now()):
        return False
    params: dict = {
        "target": change.group_id,
        "contacts": change.contact_ids,
        "organization": change.organization_id,
        "group_room": change.group.chatroom_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNDO[change.kind], params)
    return True


@transaction.atomic
def _change_members(statement: str, group: Group, match: Match, by: User) -> BulkResult:
    _lock_group(group)
    params = {
        **match.params,
        "target": group.pk,
        "group_room": group.chatroom_id,
        "organization": group.organization_id,
        "user": by.pk,
    }
    [row] = sql.fetch_rows(statement.format(match=match.statement), params)
    return BulkResult(**row)


def _lock_group(group: Group) -> None:
    if not Group.objects.select_for_update(no_key=True).filter(pk=group.pk):
        raise groups.GroupGone
