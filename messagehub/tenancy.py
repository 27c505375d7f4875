"""Whose rows a transaction sees: the second wall, kept by PostgreSQL's row-level security.

A tenant's tables have a policy that compares `organization_id` with the setting `app.organization_id`. The setting is
always local to a transaction, so a pooled connection can't carry it to the next borrower.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from django.conf import settings
from django.db import connection, connections, migrations, transaction
from django.http import StreamingHttpResponse
from django.utils.module_loading import import_string
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

SYSTEM_ROLE = "mh_system"
APPLICATION_ROLE = "mh_app"
API, BACK_OFFICE = "/api/", "/admin/"
SET = "SELECT current_setting('app.organization_id', true), set_config('app.organization_id', %s, true)"


@contextmanager
def organization(organization_id) -> Iterator[None]:
    """A transaction that sees the rows of this organization and no others (none at all for None)."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        before = _switch(organization_id)
        yield
        # A commit forgets the value, a released savepoint keeps it: give the outer transaction its own back.
        if not outermost and not connection.needs_rollback:
            _switch(before)


def _switch(organization_id) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(SET, [str(organization_id or "")])
        return cursor.fetchone()[0]


@contextmanager
def system() -> Iterator[None]:
    """A transaction that sees every organization: for receiving, sending in the worker, credentials and operators."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        before = None if outermost else _role()
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
        yield
        if before and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL ROLE {before}")


def _role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


@contextmanager
def as_owner(alias: str = "default") -> Iterator[None]:
    """The same database as the role that owns the tables: for migrations."""
    owned = connections[alias]
    application = {key: owned.settings_dict[key] for key in settings.DATABASE_OWNER}
    owned.close()
    owned.settings_dict.update(settings.DATABASE_OWNER)
    try:
        yield
    finally:
        owned.close()
        owned.settings_dict.update(application)


# ---------------------------------------------------------------- migrations
def row_security(table: str, column: str = "organization_id") -> migrations.RunSQL:
    """A migration step: the table shows a transaction only the rows of its organization."""
    mine = f"{column} = nullif(current_setting('app.organization_id', true), '')::uuid"
    return migrations.RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON {table} USING ({mine}) WITH CHECK ({mine});
        """,
        f"""
        DROP POLICY tenant ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def same_organization(table: str, column: str, parent: str, on_delete: str = "NO ACTION") -> migrations.RunSQL:
    """A migration step: `column` can only point at a row of the same organization.

    Row security does not stop a foreign key from pointing across, because its checks bypass the policies. The parent
    needs a unique constraint over (organization_id, id).
    """
    name = f"{table}_{column}_same_organization"
    return migrations.RunSQL(
        f"""
        ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, {column})
        REFERENCES {parent} (organization_id, id) ON DELETE {on_delete} DEFERRABLE INITIALLY DEFERRED
        """,
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def rename_constraints(table: str, **new_names: str) -> migrations.RunSQL:
    """A migration step: constraints keep up with the name of their table."""
    return migrations.RunSQL(
        [f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}" for old, new in new_names.items()],
        [f"ALTER TABLE {table} RENAME CONSTRAINT {new} TO {old}" for old, new in new_names.items()],
    )


def append_only(table: str) -> migrations.RunSQL:
    """A migration step: rows are written once. Refused by privilege, and by a trigger for those who own the table."""
    return migrations.RunSQL(
        f"""
        REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APPLICATION_ROLE}, {SYSTEM_ROLE};
        CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only();
        """,
        f"""
        DROP TRIGGER append_only ON {table};
        DROP FUNCTION {table}_is_append_only();
        GRANT UPDATE, DELETE ON {table} TO {APPLICATION_ROLE}, {SYSTEM_ROLE};
        """,
    )


# ---------------------------------------------------------------- requests
class TenantMiddleware:
    """Finds out who asks, by cookie or bearer token, and runs the request in a transaction of their organization.

    A request that is refused or fails changes nothing: any answer from 400 on rolls the transaction back. Only this
    middleware, which owns the transaction, may do so.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.token = request.auth_error = None
        if request.META.get("HTTP_AUTHORIZATION") and request.path.startswith(API):  # a key's scopes count there only
            self.read_token(request)
        organization_id = getattr(request.user, "organization_id", None)
        everything = request.path.startswith(BACK_OFFICE) and getattr(request.user, "is_superuser", False)
        with system() if everything else organization(organization_id) if organization_id else nullcontext():
            response = self.get_response(request)
            if (
                organization_id
                and isinstance(response, StreamingHttpResponse)
                and not hasattr(response, "file_to_stream")
            ):
                raise RuntimeError("A stream outlives its transaction: enter tenancy.organization() in its generator.")
            if (organization_id or everything) and response.status_code >= 400:
                transaction.set_rollback(True)
        return response

    def read_token(self, request) -> None:
        read = import_string(settings.BEARER_TOKENS)  # who people are is known further up
        try:
            found = read(request)
        except AuthenticationFailed as error:
            request.auth_error = error  # raised again inside DRF, so that every 401 has one shape
        else:
            if found:
                request.user, request.token = found


class RequestAuthentication(SessionAuthentication):
    """Repeats to DRF what the middleware found; a cookie still needs its CSRF token."""

    def authenticate(self, request):
        seen = request._request
        if seen.auth_error:
            raise seen.auth_error
        if seen.token:
            return seen.user, seen.token
        return super().authenticate(request)

    def authenticate_header(self, request):
        return "Bearer"
