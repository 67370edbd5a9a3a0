"""No company has fewer lines than people: until now they were only counted."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def order_enough(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    person: Any = apps.get_model("extensions", "Person")
    company: Any = apps.get_model("companies", "Company")
    for row in company.objects.all():
        people = person._base_manager.filter(company=row, deleted_at=None).count()
        if people > row.lines:
            company.objects.filter(pk=row.pk).update(lines=people)


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0002_plan_and_roles"),
        ("extensions", "0010_line"),
    ]
    operations = [migrations.RunPython(order_enough, migrations.RunPython.noop)]
