from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extensions', '0012_set_up_link'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='browser',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
