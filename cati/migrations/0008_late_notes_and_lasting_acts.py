"""Notes wait for a decision like answers; what was done stays, whatever the application asks."""

import django.db.models.deletion
from django.db import migrations, models

# As for the journal: whatever the application's role is called, and the owner keeps it all.
REVOKE = """
DO $$
DECLARE grantee oid; closed regclass;
BEGIN
  FOREACH closed IN ARRAY ARRAY['cati_quotaact', 'cati_caseact', 'cati_rulesact']::regclass[] LOOP
    FOR grantee IN
      SELECT DISTINCT acl.grantee
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
      WHERE c.oid = closed AND acl.grantee NOT IN (0, c.relowner)
    LOOP
      EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %s', closed, grantee::regrole);
    END LOOP;
  END LOOP;
  -- A decision changes a late answer; nothing removes one.
  FOR grantee IN
    SELECT DISTINCT acl.grantee
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
    WHERE c.oid = 'cati_lateanswer'::regclass AND acl.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('REVOKE DELETE, TRUNCATE ON cati_lateanswer FROM %s', grantee::regrole);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("cati", "0007_practice")]

    operations = [
        migrations.AlterField(
            model_name="lateanswer",
            name="interview",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="questionnaire.interview",
            ),
        ),
        migrations.AlterField(
            model_name="lateanswer",
            name="item",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.RunSQL(REVOKE, migrations.RunSQL.noop),
    ]
