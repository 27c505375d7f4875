"""What the application and system roles may do with tables that migrations make from here on.

Default privileges are kept per database, so a test database needs this as well. The roles themselves are made by
whoever sets up the server (`launcher`, docker-compose.yml, README): that takes a superuser.
"""

from django.db import migrations

GRANT = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mh_app, mh_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO mh_app, mh_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO mh_app, mh_system;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO mh_app, mh_system;
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM mh_app, mh_system;
"""
REVOKE = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM mh_app, mh_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT, UPDATE ON SEQUENCES FROM mh_app, mh_system;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM mh_app, mh_system;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM mh_app, mh_system;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(GRANT, REVOKE)]
