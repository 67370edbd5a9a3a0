"""The countries of the telephone network: their names, and the digits their numbers begin with.

The names are CLDR's. Countries that share a code are one here, under the largest (+44 is also Guernsey's,
+7 Kazakhstan's), but not in North America, where calls to some islands of +1 cost a hundred times others.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {
    "AC": _("Ascension Island"),
    "AD": _("Andorra"),
    "AE": _("United Arab Emirates"),
    "AF": _("Afghanistan"),
    "AG": _("Antigua & Barbuda"),
    "AI": _("Anguilla"),
    "AL": _("Albania"),
    "AM": _("Armenia"),
    "AO": _("Angola"),
    "AR": _("Argentina"),
    "AS": _("American Samoa"),
    "AT": _("Austria"),
    "AU": _("Australia"),
    "AW": _("Aruba"),
    "AZ": _("Azerbaijan"),
    "BA": _("Bosnia & Herzegovina"),
    "BB": _("Barbados"),
    "BD": _("Bangladesh"),
    "BE": _("Belgium"),
    "BF": _("Burkina Faso"),
    "BG": _("Bulgaria"),
    "BH": _("Bahrain"),
    "BI": _("Burundi"),
    "BJ": _("Benin"),
    "BM": _("Bermuda"),
    "BN": _("Brunei"),
    "BO": _("Bolivia"),
    "BR": _("Brazil"),
    "BS": _("Bahamas"),
    "BT": _("Bhutan"),
    "BW": _("Botswana"),
    "BY": _("Belarus"),
    "BZ": _("Belize"),
    "CA": _("Canada"),
    "CD": _("Congo - Kinshasa"),
    "CF": _("Central African Republic"),
    "CG": _("Congo - Brazzaville"),
    "CH": _("Switzerland"),
    "CI": _("Côte d’Ivoire"),
    "CK": _("Cook Islands"),
    "CL": _("Chile"),
    "CM": _("Cameroon"),
    "CN": _("China"),
    "CO": _("Colombia"),
    "CR": _("Costa Rica"),
    "CU": _("Cuba"),
    "CV": _("Cape Verde"),
    "CW": _("Curaçao"),
    "CY": _("Cyprus"),
    "CZ": _("Czechia"),
    "DE": _("Germany"),
    "DJ": _("Djibouti"),
    "DK": _("Denmark"),
    "DM": _("Dominica"),
    "DO": _("Dominican Republic"),
    "DZ": _("Algeria"),
    "EC": _("Ecuador"),
    "EE": _("Estonia"),
    "EG": _("Egypt"),
    "ER": _("Eritrea"),
    "ES": _("Spain"),
    "ET": _("Ethiopia"),
    "FI": _("Finland"),
    "FJ": _("Fiji"),
    "FK": _("Falkland Islands (Islas Malvinas)"),
    "FM": _("Micronesia"),
    "FO": _("Faroe Islands"),
    "FR": _("France"),
    "GA": _("Gabon"),
    "GB": _("United Kingdom"),
    "GD": _("Grenada"),
    "GE": _("Georgia"),
    "GF": _("French Guiana"),
    "GH": _("Ghana"),
    "GI": _("Gibraltar"),
    "GL": _("Greenland"),
    "GM": _("Gambia"),
    "GN": _("Guinea"),
    "GP": _("Guadeloupe"),
    "GQ": _("Equatorial Guinea"),
    "GR": _("Greece"),
    "GT": _("Guatemala"),
    "GU": _("Guam"),
    "GW": _("Guinea-Bissau"),
    "GY": _("Guyana"),
    "HK": _("Hong Kong"),
    "HN": _("Honduras"),
    "HR": _("Croatia"),
    "HT": _("Haiti"),
    "HU": _("Hungary"),
    "ID": _("Indonesia"),
    "IE": _("Ireland"),
    "IL": _("Israel"),
    "IN": _("India"),
    "IO": _("British Indian Ocean Territory"),
    "IQ": _("Iraq"),
    "IR": _("Iran"),
    "IS": _("Iceland"),
    "IT": _("Italy"),
    "JM": _("Jamaica"),
    "JO": _("Jordan"),
    "JP": _("Japan"),
    "KE": _("Kenya"),
    "KG": _("Kyrgyzstan"),
    "KH": _("Cambodia"),
    "KI": _("Kiribati"),
    "KM": _("Comoros"),
    "KN": _("St. Kitts & Nevis"),
    "KP": _("North Korea"),
    "KR": _("South Korea"),
    "KW": _("Kuwait"),
    "KY": _("Cayman Islands"),
    "LA": _("Laos"),
    "LB": _("Lebanon"),
    "LC": _("St. Lucia"),
    "LI": _("Liechtenstein"),
    "LK": _("Sri Lanka"),
    "LR": _("Liberia"),
    "LS": _("Lesotho"),
    "LT": _("Lithuania"),
    "LU": _("Luxembourg"),
    "LV": _("Latvia"),
    "LY": _("Libya"),
    "MA": _("Morocco"),
    "MC": _("Monaco"),
    "MD": _("Moldova"),
    "ME": _("Montenegro"),
    "MG": _("Madagascar"),
    "MH": _("Marshall Islands"),
    "MK": _("North Macedonia"),
    "ML": _("Mali"),
    "MM": _("Myanmar (Burma)"),
    "MN": _("Mongolia"),
    "MO": _("Macao"),
    "MP": _("Northern Mariana Islands"),
    "MQ": _("Martinique"),
    "MR": _("Mauritania"),
    "MS": _("Montserrat"),
    "MT": _("Malta"),
    "MU": _("Mauritius"),
    "MV": _("Maldives"),
    "MW": _("Malawi"),
    "MX": _("Mexico"),
    "MY": _("Malaysia"),
    "MZ": _("Mozambique"),
    "NA": _("Namibia"),
    "NC": _("New Caledonia"),
    "NE": _("Niger"),
    "NF": _("Norfolk Island"),
    "NG": _("Nigeria"),
    "NI": _("Nicaragua"),
    "NL": _("Netherlands"),
    "NO": _("Norway"),
    "NP": _("Nepal"),
    "NR": _("Nauru"),
    "NU": _("Niue"),
    "NZ": _("New Zealand"),
    "OM": _("Oman"),
    "PA": _("Panama"),
    "PE": _("Peru"),
    "PF": _("French Polynesia"),
    "PG": _("Papua New Guinea"),
    "PH": _("Philippines"),
    "PK": _("Pakistan"),
    "PL": _("Poland"),
    "PM": _("St. Pierre & Miquelon"),
    "PR": _("Puerto Rico"),
    "PS": _("Palestine"),
    "PT": _("Portugal"),
    "PW": _("Palau"),
    "PY": _("Paraguay"),
    "QA": _("Qatar"),
    "RE": _("Réunion"),
    "RO": _("Romania"),
    "RS": _("Serbia"),
    "RU": _("Russia"),
    "RW": _("Rwanda"),
    "SA": _("Saudi Arabia"),
    "SB": _("Solomon Islands"),
    "SC": _("Seychelles"),
    "SD": _("Sudan"),
    "SE": _("Sweden"),
    "SG": _("Singapore"),
    "SH": _("St. Helena"),
    "SI": _("Slovenia"),
    "SK": _("Slovakia"),
    "SL": _("Sierra Leone"),
    "SM": _("San Marino"),
    "SN": _("Senegal"),
    "SO": _("Somalia"),
    "SR": _("Suriname"),
    "SS": _("South Sudan"),
    "ST": _("São Tomé & Príncipe"),
    "SV": _("El Salvador"),
    "SX": _("Sint Maarten"),
    "SY": _("Syria"),
    "SZ": _("Eswatini"),
    "TC": _("Turks & Caicos Islands"),
    "TD": _("Chad"),
    "TG": _("Togo"),
    "TH": _("Thailand"),
    "TJ": _("Tajikistan"),
    "TK": _("Tokelau"),
    "TL": _("Timor-Leste"),
    "TM": _("Turkmenistan"),
    "TN": _("Tunisia"),
    "TO": _("Tonga"),
    "TR": _("Türkiye"),
    "TT": _("Trinidad & Tobago"),
    "TV": _("Tuvalu"),
    "TW": _("Taiwan"),
    "TZ": _("Tanzania"),
    "UA": _("Ukraine"),
    "UG": _("Uganda"),
    "US": _("United States"),
    "UY": _("Uruguay"),
    "UZ": _("Uzbekistan"),
    "VC": _("St. Vincent & Grenadines"),
    "VE": _("Venezuela"),
    "VG": _("British Virgin Islands"),
    "VI": _("U.S. Virgin Islands"),
    "VN": _("Vietnam"),
    "VU": _("Vanuatu"),
    "WF": _("Wallis & Futuna"),
    "WS": _("Samoa"),
    "XK": _("Kosovo"),
    "YE": _("Yemen"),
    "ZA": _("South Africa"),
    "ZM": _("Zambia"),
    "ZW": _("Zimbabwe"),
}

SHARED_PLAN = "1"
"""The code of North America's numbering plan, whose countries are told apart by their area codes."""
_UNMARKED = frozenset({"US", "CA"})
"""What a number of the shared plan may be when no island has its area code."""

EUROPE = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    *("CH", "GB", "IS", "LI", "NO"),
)
"""The European Union, and whom calls cost about the same to."""
NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "FR": ("AD", "MC", "GF", "GP", "MQ", "RE"),
    "GB": ("GI",),
    "US": ("MX", "PR"),
}
"""Who is next door and not in `EUROPE`; France's overseas departments."""

PREMIUM = (
    "+3389",
    "+3290",
    "+449",
    "+4487",
    "+4470",
    "+1900",
    "+1976",
    "+4190",
    "+49900",
    "+31900",
)
"""Numbers whose callers pay the owner: what who steals a password calls. Also Britain's +44 70."""


def usual(country: str) -> list[str]:
    """Return the countries a company's phones call on most days, its own among them."""
    return sorted({country, *NEIGHBOURS.get(country, ()), *EUROPE, "US", "CA"} & NAMES.keys())


def prefixes(countries: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the digits that numbers of these countries begin with, and those of others that also would."""
    wanted = set(countries)
    begin = {digits for country in wanted for digits in _digits(country)}
    areas = {digits: region for region, found in _areas().items() for digits in found}
    strangers = {digits for digits, region in areas.items() if region not in wanted}
    return tuple(sorted(begin)), tuple(sorted(strangers)) if SHARED_PLAN in begin else ()


def _digits(country: str) -> tuple[str, ...]:
    from phonenumbers import country_code_for_region

    code = str(country_code_for_region(country))
    return (
        _areas().get(country, ()) if code == SHARED_PLAN and country not in _UNMARKED else (code,)
    )


@cache
def _areas() -> dict[str, tuple[str, ...]]:
    """Return what numbers of the shared plan begin with that are neither the USA's nor Canada's."""
    from phonenumbers import PhoneNumber, region_code_for_number

    found: dict[str, list[str]] = {}
    for area in range(200, 1000):
        number = PhoneNumber(country_code=1, national_number=area * 10**7 + 2345678)
        region = region_code_for_number(number)
        if region in NAMES and region not in _UNMARKED:
            found.setdefault(region, []).append(f"{SHARED_PLAN}{area}")
    return {region: tuple(areas) for region, areas in found.items()}
