"""The system's own sentences: found by name in the caller's language, numbers put together from digits."""

from __future__ import annotations

from carillon.flows.steps import Asked, Context, Play
from carillon.schema.plan import DialRules, Prompt


def sentence(context: Context, name: str) -> Prompt | None:
    """Return the system's sentence of this name; None where it does not exist."""
    return context.plan.sentence(context.language, name)


def sentences(context: Context, *names: str) -> tuple[Prompt, ...]:
    """Return the system's sentences of these names; those that do not exist are left out."""
    return context.plan.sentences(context.language, *names)


def say(context: Context, *names: str) -> list[Asked]:
    """Ask for sentences to be played, for nothing when none of them exists."""
    prompts = sentences(context, *names)
    return [Play(prompts)] if prompts else []


def digit_names(number: str, rules: DialRules) -> tuple[str, ...]:
    """Return the names of the sentences that read a number out, in the way its country writes it."""
    own = f"+{rules.country_code}"
    if number.startswith(own):
        number = rules.national_prefix + number.removeprefix(own)
    elif number.startswith("+"):
        number = rules.international_prefix + number[1:]
    return tuple(f"digit-{digit}" for digit in number if digit.isascii() and digit.isdigit())
