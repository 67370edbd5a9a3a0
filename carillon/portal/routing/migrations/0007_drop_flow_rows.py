from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0006_write_documents'),
    ]

    operations = [
        migrations.DeleteModel(name='RingStep'),
        migrations.DeleteModel(name='Slot'),
        *(
            migrations.RemoveField(model_name='number', name=name)
            for name in (
                'timezone', 'always_open', 'greeting', 'no_answer', 'closed', 'voicemail_unanswered',
                'voicemail_closed', 'respect_waiting_time', 'record_inbound', 'record_outbound',
            )
        ),
    ]
