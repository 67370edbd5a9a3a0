"""What the system itself says, spoken once for everybody; the names are those the flows ask for."""

from __future__ import annotations

from collections.abc import Mapping

from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import tell_switch
from carillon.portal.routing.models import SystemPrompt
from carillon.portal.routing.phone_sentences import PHONE_SENTENCES

SENTENCES: dict[str, dict[str, str]] = {
    "fr": {
        "voicemail-default": (
            "Votre appel a été renvoyé vers la messagerie vocale. Aucun agent n'est actuellement "
            "disponible pour prendre votre appel. Veuillez enregistrer votre message après le bip. "
            "Une fois votre enregistrement terminé, raccrochez ou appuyez sur la touche dièse pour "
            "plus d'options."
        ),
        "voicemail-menu": (
            "Pour écouter votre message, appuyez sur 1. Pour l'enregistrer à nouveau, appuyez sur "
            "2. Pour l'envoyer, appuyez sur 3. Pour l'envoyer en urgence, appuyez sur 4."
        ),
        "voicemail-sent": "Votre message a été envoyé. Au revoir.",
        "voicemail-rerecord": "Enregistrez votre message après le bip.",
        "dictation": (
            "Enregistrez votre message après le bip. Une fois terminé, appuyez sur la touche dièse."
        ),
        "dictation-menu": (
            "Pour écouter votre enregistrement, appuyez sur 1. Pour recommencer, appuyez sur 2. "
            "Pour le garder, appuyez sur 3."
        ),
        "dictation-kept": "Votre enregistrement est gardé.",
        "closed-default": (
            "Nos bureaux sont actuellement fermés. Merci de rappeler pendant nos heures "
            "d'ouverture. Au revoir."
        ),
        "goodbye": "Merci de votre appel. Au revoir.",
        "unknown-number": "Le numéro que vous avez composé n'est pas attribué.",
        "nobody": (
            "Personne n'est disponible pour prendre votre appel. Merci de rappeler plus tard. "
            "Au revoir."
        ),
        "parked": "Appel en garde. Pour le reprendre, composez étoile cinq,",
        "dnd-on": "Ne pas déranger est activé.",
        "dnd-off": "Ne pas déranger est désactivé.",
        "callback-turn": "Rappel d'un client qui l'a demandé. Nous l'appelons.",
        "callback-noted": "C'est noté, nous vous rappelons dès que possible. Au revoir.",
        "callback-impossible": "Nous ne pouvons pas rappeler ce numéro.",
        "callback-type": (
            "Tapez le numéro auquel vous rappeler, puis la touche dièse. Pour continuer à "
            "attendre, tapez étoile."
        ),
        "callback-number": "Nous vous rappellerons au",
        "callback-confirm": (
            "Pour confirmer, tapez 1. Pour un autre numéro, tapez-le puis la touche dièse. Pour "
            "continuer à attendre, tapez étoile."
        ),
        "confirm-take": "Un appel pour vous. Pour le prendre, tapez 1.",
        **{
            f"place-{n}": f"Vous êtes en position {n} dans la file d'attente." for n in range(2, 11)
        },
        "place-1": "Vous êtes le prochain.",
        "place-more": "Plus de dix personnes attendent avant vous.",
        "wait-1": "L'attente est de moins d'une minute.",
        **{f"wait-{n}": f"L'attente est d'environ {n} minutes." for n in (2, 3, 5, 10, 15)},
        "wait-more": "L'attente est de plus d'un quart d'heure.",
        "wrong-choice": "Ce choix n'existe pas.",
        "dial-extension": "Composez le numéro de poste de votre correspondant.",
        "directory": (
            "Tapez les trois premières lettres du nom de votre correspondant. Pour revenir, "
            "appuyez sur étoile."
        ),
        "directory-nobody": "Personne ne porte ce nom.",
        "directory-next": "Pour la suite, tapez neuf.",
        "for": "Pour",
        "press": "tapez",
        "extension": "le poste",
        "digit-0": "zéro",
        "digit-1": "un",
        "digit-2": "deux",
        "digit-3": "trois",
        "digit-4": "quatre",
        "digit-5": "cinq",
        "digit-6": "six",
        "digit-7": "sept",
        "digit-8": "huit",
        "digit-9": "neuf",
    },
    "en": {
        "voicemail-default": (
            "Your call has been forwarded to voicemail. No agent is available to take your call. "
            "Please record your message after the beep. When you have finished, hang up or press "
            "the hash key for more options."
        ),
        "voicemail-menu": (
            "To listen to your message, press 1. To record it again, press 2. To send it, press "
            "3. To mark it urgent and send it, press 4."
        ),
        "voicemail-sent": "Your message has been sent. Goodbye.",
        "voicemail-rerecord": "Record your message after the beep.",
        "dictation": "Record your message after the beep. When you have finished, press the hash key.",
        "dictation-menu": (
            "To listen to your recording, press 1. To record it again, press 2. To keep it, "
            "press 3."
        ),
        "dictation-kept": "Your recording has been kept.",
        "closed-default": (
            "Our offices are closed at the moment. Please call again during opening hours. Goodbye."
        ),
        "goodbye": "Thank you for calling. Goodbye.",
        "unknown-number": "The number you have dialled is not in service.",
        "nobody": "Nobody is available to take your call. Please call again later. Goodbye.",
        "parked": "The call is parked. To take it, dial star five,",
        "dnd-on": "Do not disturb is on.",
        "dnd-off": "Do not disturb is off.",
        "callback-turn": "Calling back a customer who asked for it.",
        "callback-noted": "Thank you. We will call you back as soon as we can. Goodbye.",
        "callback-impossible": "We cannot call this number back.",
        "callback-type": (
            "Type the number to call you back at, then the hash key. To go on waiting, press star."
        ),
        "callback-number": "We will call you back at",
        "callback-confirm": (
            "To confirm, press 1. For another number, type it, then the hash key. To go on "
            "waiting, press star."
        ),
        "confirm-take": "A call for you. To take it, press 1.",
        **{f"place-{n}": f"You are number {n} in the line." for n in range(2, 11)},
        "place-1": "You are next in line.",
        "place-more": "More than ten callers are waiting before you.",
        "wait-1": "The wait is less than a minute.",
        **{f"wait-{n}": f"The wait is about {n} minutes." for n in (2, 3, 5, 10, 15)},
        "wait-more": "The wait is more than a quarter of an hour.",
        "wrong-choice": "That is not one of the choices.",
        "dial-extension": "Dial the extension of the person you wish to reach.",
        "directory": (
            "Press the first three letters of the name of the person you wish to reach. To go "
            "back, press star."
        ),
        "directory-nobody": "Nobody has that name.",
        "directory-next": "For more names, press nine.",
        "for": "For",
        "press": "press",
        "extension": "extension",
        "digit-0": "zero",
        "digit-1": "one",
        "digit-2": "two",
        "digit-3": "three",
        "digit-4": "four",
        "digit-5": "five",
        "digit-6": "six",
        "digit-7": "seven",
        "digit-8": "eight",
        "digit-9": "nine",
    },
}

EVERY_SENTENCE = {
    language: {**sentences, **PHONE_SENTENCES[language]}
    for language, sentences in SENTENCES.items()
}


def prepare_sentences() -> int:
    """Speak every sentence that is new, changed or missing on disk; return how many."""
    from carillon.portal.routing.speaking import has_sound, speak_all

    known = {(row.language, row.name): row for row in SystemPrompt.objects.all()}
    spoken = 0
    for language, sentences in EVERY_SENTENCE.items():
        wanted = []
        for name, text in sentences.items():
            row = known.get((language, name))
            if row is None or row.text != text or not has_sound(row.key):
                wanted.append((name, text))
        sounds = speak_all([text for _, text in wanted], language)
        for (name, text), (key, seconds) in zip(wanted, sounds, strict=True):
            SystemPrompt.objects.update_or_create(
                language=language,
                name=name,
                defaults={"text": text, "key": key, "seconds": seconds},
            )
        spoken += len(wanted)
    spoken += _compose_music(known)
    if spoken:
        _bump_every_plan()
    return spoken


def _compose_music(known: Mapping[tuple[str, str], SystemPrompt]) -> int:
    """Keep every piece of the library as a prompt of no language; return how many were new."""
    from carillon.portal.routing.speaking import has_sound, keep_music
    from carillon.speech.music import PIECES

    composed = 0
    for piece in PIECES:
        row = known.get(("", f"music-{piece}"))
        if row is None or not has_sound(row.key):
            key, seconds = keep_music(piece)
            SystemPrompt.objects.update_or_create(
                language="",
                name=f"music-{piece}",
                defaults={"text": "", "key": key, "seconds": seconds},
            )
            composed += 1
    return composed


def _bump_every_plan() -> None:
    from django.db.models import F

    Company.objects.update(plan_version=F("plan_version") + 1)
    tell_switch()
