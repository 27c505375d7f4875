"""The second wall for groups, and the search for contacts behind it.

ILIKE is not leakproof, so under a policy PostgreSQL would judge every row before it may use the trigram index. The
function is run as the system role, which no policy binds, and repeats the organization's condition itself.
"""

from django.db import migrations

from messagehub.tenancy import row_security, same_organization

INDEX = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX contacts_search ON contacts USING gin (
    organization_id,
    (first_name || ' ' || last_name || ' ' || coalesce(phone, '') || ' ' || email) gin_trgm_ops
);
"""
# EXECUTE plans with the values at hand: a word that is everywhere is found by walking the newest, a rare one by index.
FUNCTION = """
CREATE FUNCTION contacts_matching(pattern text, rooms uuid[], most int, at timestamptz, key uuid, older boolean)
RETURNS TABLE (id uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $function$
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT c.id FROM public.contacts c
        WHERE c.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
          AND c.first_name || ' ' || c.last_name || ' ' || coalesce(c.phone, '') || ' ' || c.email ILIKE $1
          AND c.chatroom_id = ANY($2) %s
        ORDER BY c.created_at %s, c.id %s LIMIT $3
        $query$,
        CASE WHEN at IS NULL THEN ''
             WHEN older THEN 'AND (c.created_at, c.id) < ($4, $5)'
             ELSE 'AND (c.created_at, c.id) > ($4, $5)' END,
        CASE WHEN older THEN 'DESC' ELSE 'ASC' END,
        CASE WHEN older THEN 'DESC' ELSE 'ASC' END)
    USING pattern, rooms, most, at, key;
END $function$;
GRANT CREATE ON SCHEMA public TO mh_system;
ALTER FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) OWNER TO mh_system;
REVOKE CREATE ON SCHEMA public FROM mh_system;
REVOKE ALL ON FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) TO mh_app;
"""


class Migration(migrations.Migration):
    dependencies = [("chatrooms", "0003_groups")]
    operations = [
        row_security("groups"),
        same_organization("groups", "chatroom_id", "chatrooms"),
        row_security("group_members"),
        same_organization("group_members", "group_id", "groups"),
        same_organization("group_members", "contact_id", "contacts"),
        migrations.RunSQL(INDEX, "DROP INDEX contacts_search"),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean)"),
    ]
