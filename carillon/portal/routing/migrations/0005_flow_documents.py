import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('companies', '0001_initial'),
        ('extensions', '0001_initial'),
        ('routing', '0004_dictation'),
    ]

    operations = [
        migrations.CreateModel(
            name='FlowVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('document', models.TextField()),
                ('published_at', models.DateTimeField(auto_now_add=True)),
                ('note', models.CharField(default='', max_length=200)),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='companies.company')),
                ('number', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='routing.number')),
                ('published_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-version'],
            },
        ),
        migrations.AddConstraint(
            model_name='flowversion',
            constraint=models.UniqueConstraint(fields=('number', 'version'), name='one_flow_per_version'),
        ),
        migrations.CreateModel(
            name='Rung',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='companies.company')),
                ('number', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rungs', to='routing.number')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rungs', to='extensions.person')),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rungs', to='extensions.team')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='number',
            name='draft',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='number',
            name='draft_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='number',
            name='draft_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='number',
            name='published',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='routing.flowversion'),
        ),
    ]
