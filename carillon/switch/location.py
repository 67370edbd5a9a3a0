"""Where an emergency call comes from: the address that was registered, as PIDF-LO (RFC 4119, RFC 5139)."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from carillon.schema.plan import Address
from carillon.sip.multipart import Part

GEOPRIV = "urn:ietf:params:xml:ns:pidf:geopriv10"


def located(address: Address, entity: str, host: str) -> tuple[tuple[tuple[str, str], ...], Part]:
    """Return the headers that name a location (RFC 6442), and the body they name."""
    name = f"location@{host}"
    headers = (("Geolocation", f"<cid:{name}>"), ("Geolocation-Routing", "yes"))
    return headers, Part("application/pidf+xml", name, pidf(address, entity))


def pidf(address: Address, entity: str) -> bytes:
    """Write an address as a presence document."""
    lines = {
        "country": address.country.upper(),
        "A1": address.state,
        "A3": address.city,
        "RD": address.street,
        "LOC": address.unit,
        "NAM": address.name,
        "PC": address.postcode,
    }
    civic = "".join(f"<ca:{tag}>{escape(text)}</ca:{tag}>" for tag, text in lines.items() if text)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        f'<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="{GEOPRIV}" '
        f'xmlns:ca="{GEOPRIV}:civicAddr" entity={quoteattr(entity)}>'
        '<tuple id="address"><status><gp:geopriv><gp:location-info>'
        f"<ca:civicAddress>{civic}</ca:civicAddress>"
        "</gp:location-info><gp:usage-rules/><gp:method>Manual</gp:method></gp:geopriv></status>"
        "</tuple></presence>\r\n"
    ).encode()


def in_words(address: Address | None) -> str:
    """Write an address on one line, "" where there is none."""
    if address is None:
        return ""
    street = " ".join(part for part in (address.street, address.unit) if part)
    city = " ".join(part for part in (address.postcode, address.city) if part)
    parts = (address.name, street, city, address.state, address.country)
    return ", ".join(part for part in parts if part)
