"""Commands to copy, with this portal's own address in them."""

from __future__ import annotations

from django.utils.translation import get_language

BEARER = '-H "Authorization: Bearer $KEY"'


def examples(base: str, somebody: int) -> dict[str, str]:
    """Return what the guide shows; `somebody` is the id of a person."""
    language = (get_language() or "en")[:2]
    return {
        "sign_in": "\n".join(
            ("KEY=carillon_…", f"curl {BEARER} {base}/v1/ping", f"curl -u key1:$KEY {base}/v1/ping")
        ),
        "calls": f"curl -G {BEARER} {base}/v1/calls \\\n"
        "  -d from=$(date -d yesterday +%s) -d direction=inbound -d per_page=50 -d order=desc",
        "call": f'curl {BEARER} -H "Accept-Language: {language}" \\\n  {base}/v1/calls/ID',
        "place": f'curl {BEARER} -d \'{{"to": "+33199001234"}}\' \\\n'
        f"  {base}/v1/users/{somebody}/calls",
        "error": '{"error": "not-found", "message": "…"}',
    }
