"""A mail says what was meant, to a reader that forgives nothing, and no text adds to its headers or ends them."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any

import pytest
from hypothesis import example, given, settings

from services.notify.channels.message import compose
from services.notify.domain.delivery import Content
from services.notify.settings import SmtpSettings, load
from services.notify.templates import MAX_SUBJECT, Templates
from shared.config import SETTINGS_FOLDER
from shared.text.clusters import cut
from shared.text.lines import many_lines, one_line
from shared.text.mail import FOLD, AsWritten
from tests.unit.notify.factories import make_data, make_delivery, make_facts
from tests.unit.text import strict_mail
from tests.unit.text.scripts import texts
from tests.unit.text.strict_mail import Mail, read

SMTP = SmtpSettings(host="127.0.0.1", port=25, sender="desk@example.org", domain="desk.example")
OURS = [
    *("from", "to", "subject", "date", "message-id", "references", "auto-submitted", "x-auto-response-suppress"),
    *("content-type", "content-transfer-encoding", "mime-version"),
]
(OPENED,) = [rule for rule in load(SETTINGS_FOLDER / "notify.yaml").policy.rules if rule.name == "incident-opened"]
INJECTION = "Disk full =?utf-8?q?x=0ABcc:_victim=40example.org=0AReply-To:_evil=40example.org?="
GLUED = "INC0000001 P1: im Server für Größe nicht Süd prüfen"
MESSAGE_ID = re.compile(r" <[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*@desk\.example>")
UMLAUTS = "im Server für Größe nicht Süd prüfen"


def send(subject: str = "s", text: str = "t\n", key: str = "DLV-1", **overrides: Any) -> bytes:
    delivery = make_delivery(content=Content(subject=subject, text=text), **overrides)
    return compose(key, delivery, "network@example.org", SMTP).as_bytes()


def mail(subject: str = "s", text: str = "t\n", **overrides: Any) -> Mail:
    return read(send(subject, text, **overrides))


@pytest.mark.parametrize(
    "subject", [INJECTION, UMLAUTS, GLUED, "=?", "a =?utf-8?b?QmNjOiBh?= b", "two  spaces", "x" * 300, ""]
)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    read = mail(subject)
    assert list(read.names) == OURS
    assert read.text("subject") == subject


@pytest.mark.parametrize(
    "words", ["ASCII and folded ", "für Größe nicht Süd ", "می\u200cخواهم ", "👩\u200d👩\u200d👧 "]
)
@pytest.mark.parametrize("times", range(1, 20))
def test_words_neither_stick_together_nor_fall_apart_wherever_a_line_ends(words: str, times: int) -> None:
    subject = (words * times).strip()
    assert mail(subject).text("subject") == subject
    assert email.message_from_bytes(send(subject), policy=email.policy.default)["Subject"] == subject


def test_a_line_breaks_at_no_place_within_what_people_take_for_one_character() -> None:
    family = "👩\u200d👩\u200d👧\u200d👦"
    words = [strict_mail.unstructured(word) for word in mail(family * 40).raw["subject"].split("\r\n ")]
    assert len(words) > 1
    assert all(word == family * (len(word) // len(family)) for word in words)


@settings(deadline=None)
@given(subject=texts)
@example(subject=INJECTION)
def test_a_strict_reader_reads_the_subject_in_one_line_and_finds_our_headers_alone(subject: str) -> None:
    read = mail(subject)
    assert list(read.names) == OURS
    assert read.text("subject") == one_line(subject)


@settings(deadline=None)
@given(subject=texts)
def test_the_library_reads_the_same(subject: str) -> None:
    parsed = email.message_from_bytes(send(subject), policy=email.policy.default)
    assert [name.lower() for name in parsed] == OURS
    assert parsed["Subject"] == one_line(subject)
    assert not parsed["Subject"].defects


def test_control_characters_in_a_body_are_shown_by_a_stand_in() -> None:
    assert mail(text="core dump: \x00\x07\x1b[31m end").body == "core dump: \ufffd\ufffd\ufffd[31m end\n"


@settings(deadline=None)
@given(text=texts)
@example(text="x" * 1200)
@example(text="ä" * 1200 + " \n\n.\nFrom x\n")
def test_a_body_is_plain_ascii_and_reads_as_the_lines_that_were_meant(text: str) -> None:
    meant = many_lines(text)
    assert mail(text=text).body == (meant if meant.endswith("\n") else f"{meant}\n")


@settings(deadline=None)
@given(key=texts, record=texts)
def test_no_number_of_a_record_adds_a_header_or_ends_one(key: str, record: str) -> None:
    read = mail(key=key, record=record)
    assert list(read.names) == OURS
    assert MESSAGE_ID.fullmatch(read.raw["message-id"])
    assert MESSAGE_ID.fullmatch(read.raw["references"])


@settings(deadline=None)
@given(subject=texts, text=texts)
def test_the_same_delivery_is_the_same_bytes(subject: str, text: str) -> None:
    assert send(subject, text) == send(subject, text)


@settings(deadline=None)
@given(value=texts.filter(lambda text: not text.isprintable()))
def test_a_value_that_would_end_its_header_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="more than the value"):
        AsWritten().header_store_parse("X", value.replace(FOLD, "\n"))


@settings(deadline=None)
@given(title=texts)
@example(title=INJECTION)
@example(title=UMLAUTS)
def test_the_title_of_an_incident_is_read_in_the_mail_that_the_shipped_rule_sends(title: str) -> None:
    data = make_data(title=title, kind="incident", service=title, ci=None, opened_at="2026-03-02T09:00:00.000Z")
    content = Templates([OPENED]).render(OPENED, make_facts(data=data))
    read = strict_mail.read(send(content.subject, content.text))
    assert list(read.names) == OURS
    assert read.text("subject") == one_line(cut(one_line(f"INC0000001 P1: {title}"), MAX_SUBJECT))
    assert f"Service:  {many_lines(title)}".split("\n")[0] in read.body
