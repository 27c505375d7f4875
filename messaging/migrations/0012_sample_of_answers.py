"""One in sixteen of the answers, for how long customers waited over ranges with very many."""

from django.db import migrations

# The last byte of a key is random.
INDEX = """
CREATE INDEX messages_answers_sample ON messages (chatroom_id, occurred_at)
INCLUDE (waited_since, status, organization_id)
WHERE waited_since IS NOT NULL AND get_byte(uuid_send(id), 15) < 16
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0011_read_versions")]
    operations = [migrations.RunSQL(INDEX, "DROP INDEX messages_answers_sample")]
