"""Which days are public holidays in a country, or in a region of it?

A country is named as in ISO 3166, "GB" or "DE-BY". A course keeps the name alone: the days are worked out for the
years that are asked for, by the library as it is installed, so that they do not go stale. The library is loaded when
a course asks for it: most do not.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

_ENGLISH = ("en_GB", "en_US")


def parse(value: object) -> str:
    """The country's name as it is kept: "GB", "DE-BY". Raises ValueError saying what would be right."""
    import holidays

    code = value.strip().upper() if isinstance(value, str) else ""
    country, dash, region = code.partition("-")
    regions = holidays.list_supported_countries().get(country)
    if regions is None:
        raise ValueError('write a country by its two letters, like "GB", or one of its regions, like "DE-BY"')
    if dash and region not in regions:
        known = f"its regions are {', '.join(regions)}" if regions else "it has no regions"
        raise ValueError(f'write "{country}" alone, or a region that is known here: {known}')
    return code


def dates(code: str, years: range) -> frozenset[date]:
    """The public holidays of these years. Raises ValueError for a country that is not known."""
    return frozenset(day for year in years for day in names(code, year))


@lru_cache(maxsize=256)
def names(code: str, year: int) -> Mapping[date, str]:
    """The public holidays of a year with their names, in English where there are such."""
    import holidays

    country, _, region = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=year)
        english = next((language for language in _ENGLISH if language in found.supported_languages), None)
        if english:
            found = holidays.country_holidays(country, subdiv=region or None, years=year, language=english)
    except NotImplementedError as error:
        raise ValueError(f'holidays of "{code}" are not known here') from error
    return MappingProxyType(dict(found))
