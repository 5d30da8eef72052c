"""Breaks, messages to the interviewers, and outcomes that are taken back."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

# A call that ended stays as it ended, and its case with it, but for an outcome taken back: the act
# that says so must stand already, and be later than the outcome.
GUARDS = """
CREATE OR REPLACE FUNCTION cati_case_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE taken_back boolean := EXISTS (
  SELECT 1 FROM cati_caseact act WHERE act.case_id = OLD.id AND act.kind = 'take_back'
    AND act.at > (SELECT max(closed_at) FROM cati_attempt WHERE case_id = OLD.id)
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
CREATE OR REPLACE FUNCTION cati_attempt_life() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL
     AND (NEW.case_id, NEW.interviewer_id, NEW.opened_at, NEW.closed_at, NEW.disposition)
      IS DISTINCT FROM (OLD.case_id, OLD.interviewer_id, OLD.opened_at, OLD.closed_at, OLD.disposition)
     AND NOT (
       NEW.closed_at IS NULL AND NEW.opened_at = OLD.opened_at
       AND (NEW.case_id, NEW.interviewer_id) = (OLD.case_id, OLD.interviewer_id)
       AND EXISTS (
         SELECT 1 FROM cati_caseact act
         WHERE act.case_id = OLD.case_id AND act.kind = 'take_back' AND act.at > OLD.closed_at))
  THEN
    RAISE EXCEPTION 'attempt %: it has ended', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""

ACTS = ["assign", "push", "close", "reopen", "oppose", "take_over", "inbound", "take_back"]


class Migration(migrations.Migration):
    dependencies = [("cati", "0009_index_of_promises")]

    operations = [
        migrations.AddField("attempt", "before", models.JSONField(blank=True, default=dict)),
        migrations.AlterField(
            "appointment",
            "attempt",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appointments",
                to="cati.attempt",
            ),
        ),
        migrations.RemoveConstraint("caseact", "act_kind_known"),
        migrations.AlterField(
            "caseact",
            "kind",
            models.CharField(
                choices=[
                    ("assign", "confiée à quelqu’un"),
                    ("push", "mise en tête"),
                    ("close", "close"),
                    ("reopen", "rouverte"),
                    ("oppose", "opposition"),
                    ("take_over", "retirée à qui la tenait"),
                    ("inbound", "rappel de la personne"),
                    ("take_back", "issue reprise"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "caseact",
            models.CheckConstraint(condition=Q(("kind__in", ACTS)), name="act_kind_known"),
        ),
        migrations.CreateModel(
            "Break",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="breaks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wave",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="breaks",
                        to="cati.wave",
                    ),
                ),
            ],
            options={
                "ordering": ["-began_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("ended_at__isnull", True)),
                        fields=("user",),
                        name="break_one_open",
                    ),
                    models.CheckConstraint(
                        condition=Q(("ended_at__isnull", True))
                        | Q(("ended_at__gte", F("began_at"))),
                        name="break_ends_after_it_began",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "Message",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=400)),
                ("at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wave",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="cati.wave",
                    ),
                ),
            ],
            options={"ordering": ["-at", "-pk"]},
        ),
        migrations.CreateModel(
            "Reading",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="readings",
                        to="cati.message",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("message", "user"), name="message_read_once"
                    )
                ]
            },
        ),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
