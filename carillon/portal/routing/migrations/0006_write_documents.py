"""Each number's columns, slots and ring steps become its first published document."""

import json

from django.db import migrations


def write_documents(apps, schema_editor):
    Number = apps.get_model("routing", "Number")
    FlowVersion = apps.get_model("routing", "FlowVersion")
    Rung = apps.get_model("routing", "Rung")
    for number in Number.objects.select_related("greeting", "no_answer", "closed"):
        steps = list(number.steps.order_by("position", "id"))
        version = FlowVersion.objects.create(
            company_id=number.company_id,
            number=number,
            version=1,
            document=json.dumps(document(number, steps), sort_keys=True),
        )
        number.published = version
        number.save(update_fields=["published"])
        rung = {(step.person_id, step.team_id) for step in steps if step.person_id or step.team_id}
        for person, team in rung:
            Rung.objects.create(
                company_id=number.company_id, number=number, person_id=person, team_id=team
            )


def document(number, steps):
    def key(prompt):
        return prompt.key if prompt else ""

    slots = number.slots.order_by("start_minute", "id")
    week = [{"days": s.days, "start": s.start_minute, "end": s.end_minute} for s in slots]
    return {
        "kind": "classic",
        "hours": {"zone": number.timezone, "always": number.always_open, "slots": week},
        "greeting": key(number.greeting),
        "steps": [{"target": target(step), "seconds": step.ring_seconds} for step in steps],
        "respect_waiting_time": number.respect_waiting_time,
        "unanswered": {"message": key(number.no_answer), "voicemail": number.voicemail_unanswered},
        "closed": {"message": key(number.closed), "voicemail": number.voicemail_closed},
        "recording": {"inbound": number.record_inbound, "outbound": number.record_outbound},
    }


def target(step):
    if step.person_id:
        return {"type": "person", "id": step.person_id}
    if step.team_id:
        return {"type": "team", "id": step.team_id}
    return {"type": "outside", "e164": step.outside}


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0005_flow_documents'),
    ]

    operations = [
        migrations.RunPython(write_documents, migrations.RunPython.noop),
    ]
