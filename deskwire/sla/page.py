"""The explanation as one self-contained page for a customer: nothing is loaded, everything is escaped, it prints.

The signed data stands in a script element of a type that no browser runs; the signature covers it and the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deskwire.sla.chart import Look, extent, pieces
from deskwire.sla.markup import document, table
from deskwire.sla.signing import fingerprint, public_of, sign, verify
from deskwire.sla.times import Zone, length
from deskwire.sla.view import as_told, basis, moves, name, passage, what
from shared.errors import Invalid
from shared.text.json_text import in_a_script
from shared.text.page import inline, isolated

_OPEN = '<script type="application/json" id="proof">'
_CLOSE = "</script>"
CHART_WIDTH = 1000


def make_page(answer: Mapping[str, Any], zone: Zone, key: Ed25519PrivateKey) -> str:
    """The whole page, signed."""
    body = _body(answer, zone, fingerprint(public_of(key)))
    proof = json.dumps(sign(key, answer, body), ensure_ascii=False)
    return body.replace(_OPEN, _OPEN + in_a_script(proof), 1)


def check_page(text: str) -> tuple[Mapping[str, Any], bytes]:
    """The explanation that a page carries, and the public key that signed it and the page around it.

    Raises Invalid (`not-signed`, `altered`).
    """
    before, opened, rest = text.partition(_OPEN)
    content, closed, after = rest.partition(_CLOSE)
    if not opened or not closed:
        raise Invalid("there is no signature on this page", slug="not-signed")
    try:
        proof = json.loads(content)
    except ValueError:
        raise Invalid("the data on this page is damaged", slug="altered") from None
    public = verify(proof, before + opened + closed + after)
    return proof["signed"]["document"], public


def _body(answer: Mapping[str, Any], zone: Zone, signer: str) -> str:
    title = f"{answer['number']}: service levels"
    clocks = "".join(_clock(clock, answer, zone) for clock in answer["clocks"])
    body = f"""<h1>{inline(title)}</h1>
<p>As of {inline(zone.at(answer["as_of"]))}, recomputed from {answer["folded"]} recorded events. Times are in
{inline(zone.name)}.</p>
{_facts(answer["incident"])}{clocks}
<footer><p>Signed with the key<br><code>{signer}</code></p>
<p>Check this file with <code>deskwire sla check FILE</code>. A print cannot be checked; the file it was printed from
can.</p></footer>
{_OPEN}{_CLOSE}
"""
    return document(title, body)


def _facts(record: Mapping[str, Any]) -> str:
    known = [(name, value) for name, value in record.items() if value is not None]
    return table(("", ""), [(inline(name), isolated(str(value))) for name, value in known])


def _clock(clock: Mapping[str, Any], answer: Mapping[str, Any], zone: Zone) -> str:
    left = clock["remaining_seconds"]
    tail = f"{length(left)} left" if left >= 0 else f"{length(-left)} over"
    calendar = clock["calendar"]
    words = f"{length(clock['elapsed_seconds'])} counted of {length(clock['target_seconds'])}, {tail}."
    why = f"{clock['why'][:1].upper()}{clock['why'][1:]}"
    terms = f"{inline(why)}. Calendar {isolated(calendar['name'])} ({inline(calendar['zone'])}). "
    terms += f"Pauses while waiting for: {', '.join(map(isolated, clock['pauses'])) or 'nothing'}."
    told = as_told(clock, zone)
    computed = f"Computed with {basis(clock)}.{f' {told[:1].upper()}{told[1:]}.' if told else ''}"
    state = inline(clock["state"])
    return f"""<section><h2>{isolated(name(clock).capitalize())} <span class="{state}">{state}</span></h2>
<p>{inline(words)} {terms}</p>
<p>{inline(computed)}</p>
{_chart(clock, answer)}{_instants(clock, zone)}{_spans(clock, zone)}</section>
"""


def _instants(clock: Mapping[str, Any], zone: Zone) -> str:
    names = ("started", "due", "breached", "stopped")
    rows = [(name, inline(zone.at(clock[f"{name}_at"]))) for name in names if clock[f"{name}_at"] is not None]
    for one in clock["thresholds"]:
        rows.append(
            (
                inline(f"{one['name']} of the target" if one["percent"] else one["name"]),
                f"{inline(zone.at(one['at']))} ({passage(one)})",
            )
        )
    rows += [(name, inline(text)) for name, text in moves(clock, zone)]
    return table(("", ""), rows)


def _spans(clock: Mapping[str, Any], zone: Zone) -> str:
    rows = [
        (
            inline(zone.at(span["from"])),
            inline(zone.at(span["to"]) or "still"),
            inline(what(span)),
            inline(length(span["counted_seconds"])),
            inline("; ".join(f"{length(one['seconds'])} {one['why']}" for one in span["excluded"])),
            f"{inline(span['event']['type'])} (version {span['event']['version']})<br>"
            f"<code>{inline(span['event']['id'])}</code>",
        )
        for span in clock["spans"]
    ]
    return table(("from", "to", "what", "counted", "excluded", "by event"), rows)


def _chart(clock: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    first, last = extent(answer["clocks"])
    start, whole = first.timestamp(), (last - first).total_seconds()
    if whole <= 0:
        return ""
    scale = CHART_WIDTH / whole
    marks = "".join(
        f'<rect class="{piece.look.value}" x="{(piece.start - start) * scale:.2f}" y="0" '
        f'width="{(piece.end - piece.start) * scale:.2f}" height="20"/>'
        for piece in pieces(clock)
        if piece.look is not Look.STOPPED
    )
    legend = "".join(
        f'<span class="key {look.value}"></span> {look.value} ' for look in Look if look is not Look.STOPPED
    )
    return f"""<svg class="time" viewBox="0 0 {CHART_WIDTH} 20" preserveAspectRatio="none" role="img"
aria-label="running, late, paused and outside hours over time">{marks}</svg><p class="legend">{legend}</p>
"""
