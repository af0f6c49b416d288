"""All links of a record, kept apart from it; the record itself holds the latest of them and their number."""

from __future__ import annotations

from collections.abc import Iterator

from services.incident.domain.conversation import LinkTo
from services.incident.domain.record import LINKS_SHOWN, Incident, Link, LinkKind
from shared.apart import LAST, Apart
from shared.clock import format_instant
from shared.ids import joined
from shared.storage import Stored
from shared.store import Document, Store
from shared.unit_of_work import Work

LINKS = "links"
_LINKS = Apart(LINKS)
_WINDOW = 500


def is_linked(work: Work, stored: Stored[Incident], args: LinkTo) -> bool:
    """Whether the record is linked to this one already, by a link that it no longer shows."""
    if stored.state.links_total <= LINKS_SHOWN or args.kind is None or args.number is None:
        return False
    return _LINKS.has(work, stored.key, args.kind.value, args.number)


def keep_links(work: Work, number: str, before: Incident, after: Incident) -> None:
    """Keep the link that was added, and with it those that were there before links were kept apart."""
    older = before.links if before.links_total == 0 else ()
    for link in (*older, *after.links[-1:]):
        _LINKS.add(work, number, link.kind.value, link.number, to=joined(link.kind.value, link.number), **_shown(link))


def page_of_links(work: Work, stored: Stored[Incident], after: str | None) -> Document:
    """A page of a record's links in order of kind and number: `{records, next}`, by which to go on."""
    if stored.state.links_total == 0:
        return {"records": [{**_shown(link), "linked_at": None} for link in stored.state.links], "next": None}
    rows, cursor = _LINKS.page(work, stored.key, after)
    shown = [{"kind": row["kind"], "number": row["number"], "linked_at": format_instant(row["at"])} for row in rows]
    return {"records": shown, "next": cursor}


def linked_to(store: Store, kind: LinkKind, number: str) -> Iterator[str]:
    """The numbers of all records that are linked to this one, window by window."""
    after, to = "", joined(kind.value, number)
    while rows := store.find(LINKS, {"to": to}, limit=_WINDOW, sort="key", after=after, until=LAST):
        yield from (row["record"] for row in rows)
        after = rows[-1]["key"]


def _shown(link: Link) -> dict[str, str]:
    return {"kind": link.kind.value, "number": link.number}
