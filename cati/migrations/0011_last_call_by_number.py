"""A case opens again for an outcome taken back, whatever the clock said of its earlier calls."""

from django.db import migrations

# The last call is the last by its number: a clock set back leaves earlier ones in the future. While
# the call that was taken back goes on, it has not ended, and its case is as closed to this as ever.
GUARD = """
CREATE OR REPLACE FUNCTION cati_case_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE taken_back boolean := EXISTS (
  SELECT 1 FROM cati_caseact act WHERE act.case_id = OLD.id AND act.kind = 'take_back'
    AND act.at > (
      SELECT closed_at FROM cati_attempt WHERE case_id = OLD.id ORDER BY id DESC LIMIT 1)
);
BEGIN
  IF NEW.epoch < OLD.epoch THEN
    RAISE EXCEPTION 'case %: its epoch never falls', OLD.number USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.tier = 6 AND OLD.tier <> 6 AND NOT taken_back THEN
    RAISE EXCEPTION 'case %: it was rung before', OLD.number USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state = 'open' AND OLD.state = 'closed' AND OLD.disposition = '10' AND NOT taken_back THEN
    RAISE EXCEPTION 'case %: it is complete', OLD.number USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("cati", "0010_breaks_messages_taken_back")]

    operations = [migrations.RunSQL(GUARD, migrations.RunSQL.noop)]
