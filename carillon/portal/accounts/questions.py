"""The security question (R25–R27): its answer proves who somebody is when a password is lost."""

from __future__ import annotations

from django.contrib.auth.hashers import check_password, make_password
from django.utils.translation import gettext_lazy as _

from carillon.portal.accounts.criteria import plain
from carillon.portal.accounts.models import User

QUESTIONS = [
    ("street", _("In which street did you live as a child?")),
    ("teacher", _("What was the name of your favourite teacher?")),
    ("animal", _("What was your first animal called?")),
    ("town", _("In which town did your parents meet?")),
    ("job", _("In which company was your first job?")),
    ("book", _("Which book did you love as a child?")),
    ("friend", _("What was your best friend at school called?")),
    ("holiday", _("Where was your first holiday by yourself?")),
]


def hash_answer(answer: str) -> str:
    """Return what is kept. Capitals, accents and spaces do not count."""
    return make_password(plain(answer[:200]))


def is_answer(user: User, answer: str) -> bool:
    """Say whether this is the answer."""
    return bool(user.answer_hash) and check_password(plain(answer[:200]), user.answer_hash)


def question_of(user: User) -> str:
    """Return the question in the reader's language; "" when none was chosen."""
    return str(dict(QUESTIONS).get(user.question, ""))
