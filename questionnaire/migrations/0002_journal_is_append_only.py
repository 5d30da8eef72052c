"""The application's role may add to the journal and read it, never change or remove a line."""

from django.db import migrations

# Whoever was granted more than that by default privileges loses it, whatever the role is called;
# the owner of the table, who migrates, keeps it for the audited erasure.
REVOKE = """
DO $$
DECLARE grantee oid;
BEGIN
  FOR grantee IN
    SELECT DISTINCT acl.grantee
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
    WHERE c.oid = 'questionnaire_answerevent'::regclass AND acl.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON questionnaire_answerevent FROM %s',
                   grantee::regrole);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("questionnaire", "0001_initial")]

    operations = [migrations.RunSQL(REVOKE, migrations.RunSQL.noop)]
