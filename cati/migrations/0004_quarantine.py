"""Late answers wait for a decision; erasures leave a line that the application may only add."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


# As for the journal: whatever the application's role is called, and the owner keeps it all.
REVOKE = """
DO $$
DECLARE grantee oid;
BEGIN
  FOR grantee IN
    SELECT DISTINCT acl.grantee
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
    WHERE c.oid = 'cati_erasure'::regclass AND acl.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON cati_erasure FROM %s', grantee::regrole);
  END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cati", "0003_sample_on_screen"),
        ("questionnaire", "0003_erased_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("person", "effacement de la personne"),
                            ("consent", "retrait d’un accord"),
                        ],
                        max_length=10,
                    ),
                ),
                ("item", models.CharField(blank=True, default="", max_length=60)),
                ("reason", models.CharField(max_length=200)),
                ("events", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasures",
                        to="cati.case",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("item", ""), ("kind", "person")),
                            models.Q(("kind", "consent"), models.Q(("item", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="erasure_kind_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LateAnswer",
            fields=[
                ("uuid", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("item", models.CharField(max_length=60)),
                ("instance", models.CharField(blank=True, default="", max_length=40)),
                ("value", models.JSONField(default=dict)),
                ("epoch", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("client_at", models.DateTimeField(blank=True, null=True)),
                ("ms_on_screen", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "à décider"),
                            ("accepted", "enregistrée"),
                            ("discarded", "écartée"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="late_answers",
                        to="cati.case",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "interview",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="questionnaire.interview",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "uuid"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["case"],
                        name="late_answer_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by__isnull", True),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["accepted", "discarded"]),
                            ),
                            _connector="OR",
                        ),
                        name="late_answer_decided_whole",
                    )
                ],
            },
        ),
        migrations.RunSQL(REVOKE, migrations.RunSQL.noop),
    ]
