"""The journal keeps the index that it is read by, and one of its draws."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("questionnaire", "0003_erased_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="answerevent",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="answerevent",
            name="interview",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="questionnaire.interview",
            ),
        ),
        migrations.AlterField(
            model_name="answerevent",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="questionnaire.instrumentversion",
            ),
        ),
        migrations.AddIndex(
            model_name="answerevent",
            index=models.Index(
                condition=models.Q(("kind", "draw")), fields=["interview"], name="event_draws"
            ),
        ),
    ]
