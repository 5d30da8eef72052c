import hashlib

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def gather(apps, schema_editor):
    """The margins that a wave already has become its first set, the ruling one."""
    # On the migrating connection: any other one would wait for its locks for ever.
    db = schema_editor.connection.alias
    Margin = apps.get_model("weighting", "Margin").objects.using(db)
    MarginSet = apps.get_model("weighting", "MarginSet").objects.using(db)
    for wave in set(Margin.values_list("wave_id", flat=True)):
        margins = Margin.filter(wave_id=wave).select_related("sector")
        lines = [
            [m.sector.code, m.criterion, m.category, m.label, "", f"{m.total:.10g}"]
            + [m.unit, m.universe, m.source]
            for m in margins.order_by("sector__order", "pk")
        ]
        digest = hashlib.sha256(repr(lines).encode()).hexdigest()
        first = MarginSet.create(
            wave_id=wave, number=1, lines=lines, digest=digest, current=True
        )
        margins.update(set=first)


class Migration(migrations.Migration):

    dependencies = [
        ("cati", "0002_fieldwork"),
        ("weighting", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MarginSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("file", models.CharField(blank=True, default="", max_length=120)),
                ("digest", models.CharField(max_length=64)),
                ("lines", models.JSONField(default=list)),
                ("current", models.BooleanField(default=False)),
                ("at", models.DateTimeField(null=True)),
                ("by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("wave", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="margin_sets", to="cati.wave")),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("wave", "number"), name="margin_set_number_once"),
                    models.UniqueConstraint(condition=models.Q(("current", True)), fields=("wave",), name="margin_set_one_current"),
                ],
            },
        ),
        migrations.AddField(
            model_name="margin",
            name="set",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="margins", to="weighting.marginset"),
        ),
        migrations.RunPython(gather, migrations.RunPython.noop),
        # Rows that were just written wait for their triggers, and PostgreSQL alters no such table.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="margin", name="margin_once"),
        migrations.RemoveField(model_name="margin", name="wave"),
        migrations.AlterField(
            model_name="margin",
            name="set",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="margins", to="weighting.marginset"),
        ),
        migrations.AddConstraint(
            model_name="margin",
            constraint=models.UniqueConstraint(fields=("set", "sector", "criterion", "category"), name="margin_once"),
        ),
        migrations.CreateModel(
            name="MarginDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.CharField(max_length=120)),
                ("lines", models.JSONField(default=list)),
                ("at", models.DateTimeField()),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("wave", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cati.wave")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("wave", "by"), name="margin_draft_once")],
            },
        ),
        migrations.AddField(
            model_name="declaredcollapse",
            name="at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="declaredcollapse",
            name="by",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name="OfficialChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(blank=True, default="", max_length=250)),
                ("at", models.DateTimeField()),
                ("by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("run", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="choices", to="weighting.weightingrun")),
            ],
            options={"ordering": ["-pk"]},
        ),
    ]
