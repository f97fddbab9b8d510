"""The e-mail of the digest: plain text. No line is broken: see messages/email.py."""

from __future__ import annotations

from collections.abc import Iterator

from .page import Page, Section


def email_of(page: Page) -> str:
    """Three lines, and then a section for everything that there is to say."""
    first = f"INFORMATIONAL: {page.headline}\n{page.period}\n{page.doubt}"
    sections = ("\n".join(_lines(section)) for section in page.sections)
    return "\n\n".join((first, *sections)) + "\n"


def _lines(section: Section) -> Iterator[str]:
    yield section.title
    for number, entry in enumerate(section.entries, start=1):
        yield f"{f'{number}.' if section.is_numbered else '-'} {entry.head}"
        yield from (f"  {line}" for line in entry.details)
    if section.rest:
        yield f"- {section.rest}"
