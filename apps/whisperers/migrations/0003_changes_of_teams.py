"""Changes name their team, and a storage policy that was given to a whisperer becomes a value of its configuration."""

import django.db.models.deletion
from django.db import migrations, models


def keep_policies(apps, schema_editor):
    whisperers = apps.get_model("whisperers", "Whisperer")
    for whisperer in whisperers.objects.exclude(policy="default"):
        whisperer.parsing = {"policy": whisperer.policy} | whisperer.parsing
        whisperer.save(update_fields=["parsing"])


class Migration(migrations.Migration):
    dependencies = [
        ("whisperers", "0002_rights_teams_instances"),
    ]

    operations = [
        migrations.AddField(
            model_name="change",
            name="team",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="changes", to="whisperers.team"
            ),
        ),
        migrations.RunPython(keep_policies, migrations.RunPython.noop),
    ]
