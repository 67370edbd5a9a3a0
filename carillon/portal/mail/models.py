"""Every message the system wrote, sent or not: the row is the queue and the operator's outbox in one."""

from __future__ import annotations

from django.db import models


class MailMessage(models.Model):
    """One message to one address, written in the transaction of what it tells."""

    to = models.CharField(max_length=254)
    kind = models.CharField(max_length=40)
    """The template it was made from, for example `activation`."""
    language = models.CharField(max_length=2)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    next_try_at = models.DateTimeField(null=True)
    """When it is due; None once it was sent or given up, and where no server is set."""
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, default="")

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="mail_due"),
            models.Index(fields=["to", "-id"], name="mail_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.to}"


class MailAttachment(models.Model):
    """A file that goes with a message; deleted once it is sent."""

    message = models.ForeignKey(MailMessage, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.name
