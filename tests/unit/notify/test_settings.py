from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from services.notify.domain.rules import Channel, Condition
from services.notify.domain.smtp_steps import SmtpSteps
from services.notify.settings import NotifySettings, load, with_mail_server
from services.notify.templates import Templates
from shared.envelope import Lane
from shared.errors import Invalid
from tests.unit.notify.factories import SECRET

SHIPPED = Path(__file__).parents[3] / "deploy" / "settings" / "notify.yaml"


def make_document(**overrides: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "domain": "desk.example",
        "smtp": {"sender": "desk@desk.example"},
        "addresses": {
            "network": {"email": "network@example.org"},
            "chat": {"webhook": {"url": "https://chat.example/hook", "secret": SECRET}},
        },
        "rules": [make_rule_entry()],
    }
    return {**document, **overrides}


def make_rule_entry(**overrides: Any) -> dict[str, Any]:
    entry = {
        "name": "opened",
        "events": ["incident.opened"],
        "to": ["team"],
        "channel": "email",
        "subject": "{{ number }}",
        "text": "{{ number }}",
    }
    return {**entry, **overrides}


def parse(document: dict[str, Any], folder: Path | None = None) -> NotifySettings:
    """What a file of this content says, in a folder of its own or one that is there."""
    with TemporaryDirectory() as own:
        path = (folder or Path(own)) / "notify.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return load(path)


def faults(document: dict[str, Any]) -> str:
    with pytest.raises(Invalid) as caught:
        parse(document)
    assert caught.value.slug == "bad-settings"
    return caught.value.message


def test_the_shipped_settings_are_valid_and_their_templates_compile() -> None:
    settings = load(SHIPPED)
    assert Templates(settings.policy.rules)
    assert settings.policy.addresses.has(settings.policy.fallback, Channel.EMAIL)


def test_a_short_file_is_completed_with_defaults() -> None:
    settings = parse(make_document())
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.domain) == ("localhost", 25, "desk.example")
    assert settings.lease == timedelta(seconds=60)
    assert settings.smtp.steps == SmtpSteps(greeting=300, command=300, data=120, block=180, final=600)
    mail, webhook = (settings.patience.normal[channel] for channel in (Channel.EMAIL, Channel.WEBHOOK))
    assert (mail.keep_trying, webhook.keep_trying) == (timedelta(days=5), timedelta(days=1))
    assert settings.patience.urgent[Channel.EMAIL].pauses[-1] == timedelta(minutes=5)
    assert not settings.webhook.allow_http
    assert not settings.webhook.allow_private


def test_patience_is_set_by_channel_and_lane() -> None:
    patience = {"email": {"keep_trying_hours": 2, "longest_pause_minutes": 3, "urgent_longest_pause_minutes": 0.5}}
    table = parse(make_document(patience=patience, max_attempts=9)).patience
    mail = table.of(Channel.EMAIL, Lane.NORMAL)
    seconds = [pause.total_seconds() for pause in mail.pauses]
    assert (mail.keep_trying, seconds, mail.max_attempts) == (timedelta(hours=2), [1, 10, 60, 180], 9)
    assert table.of(Channel.EMAIL, Lane.URGENT).pauses[-1] == timedelta(seconds=30)
    assert table.of(Channel.WEBHOOK, Lane.BULK).keep_trying == timedelta(days=1)


def test_the_time_that_is_set_for_the_mail_server_holds_for_every_step() -> None:
    smtp = {"sender": "desk@desk.example", "timeout_seconds": 45}
    assert parse(make_document(smtp=smtp)).smtp.steps == SmtpSteps.all(45)


def test_a_condition_is_one_value_or_a_list_of_them() -> None:
    entry = make_rule_entry(when={"priority": ["P1", "P2"], "outage": True})
    (rule,) = parse(make_document(rules=[entry])).policy.rules
    assert rule.when == (Condition(path="priority", values=("P1", "P2")), Condition(path="outage", values=(True,)))


def test_every_fault_is_named_with_its_place() -> None:
    rules = [
        make_rule_entry(events=["weather.changed"]),
        make_rule_entry(name="two", text="{{ broken"),
        make_rule_entry(name="three", channel="pigeon"),
        make_rule_entry(name="four", when={"priority": {"not": "P1"}}),
    ]
    message = faults(make_document(rules=rules, batch=1, smtp={"sender": "nobody", "port": 0}))
    for place in (
        "rules.0.events.0",
        "rules.1.text",
        "rules.2.channel",
        "rules.3.when.priority",
        "batch",
        "smtp.sender",
        "smtp.port",
    ):
        assert place in message


def test_a_rule_for_an_event_that_notify_is_not_told_of_is_refused() -> None:
    assert "rules.0.events.0" in faults(make_document(rules=[make_rule_entry(events=["sla.started"])]))
    parse(make_document(rules=[make_rule_entry(events=["sla.breached", "sla.*"])]))


def test_names_that_lead_nowhere_are_named() -> None:
    rules = [make_rule_entry(to=["nobody"]), make_rule_entry(to=["chat"])]
    message = faults(make_document(rules=rules, fallback="void"))
    assert "rules.0.to: 'nobody' has no address for email" in message
    assert "rules.1.to: 'chat' has no address for email" in message
    assert "rules.1.name: there is another rule 'opened'" in message
    assert "fallback" in message


def test_an_address_cannot_be_named_like_a_field_of_the_record() -> None:
    assert "addresses.team" in faults(make_document(addresses={"team": {"email": "a@b.org"}}))


@pytest.mark.parametrize(
    "url", ["ftp://x/", "https://", "http://user:pass@x/", "https://x/a b", "//x", "https://x:0/", "https://x:99999/"]
)
def test_a_webhook_needs_a_web_address_without_credentials(url: str) -> None:
    addresses = {"chat": {"webhook": {"url": url, "secret": SECRET}}}
    assert "addresses.chat.webhook.url" in faults(make_document(addresses=addresses, rules=[]))


@pytest.mark.parametrize("email", ["", "x", "a@b@c", "A <a@b.org>", "a@b.org, c@d.org", "a@b.org\r\nBcc: x@y.org"])
def test_an_e_mail_address_is_one_bare_address(email: str) -> None:
    assert "email" in faults(make_document(addresses={"network": {"email": email}}, rules=[]))


def test_addresses_of_other_scripts_are_kept_as_they_go_on_the_wire() -> None:
    addresses = {
        "network": {"email": "netz@büro.example"},
        "chat": {"webhook": {"url": "https://büro.example/hook", "secret": SECRET}},
    }
    smtp = {"sender": "desk@büro.example", "host": "büro.example"}
    settings = parse(make_document(addresses=addresses, smtp=smtp, rules=[]))
    assert settings.policy.addresses.emails["network"] == "netz@xn--bro-hoa.example"
    assert settings.policy.addresses.webhooks["chat"].url == "https://xn--bro-hoa.example/hook"
    assert (settings.smtp.sender, settings.smtp.host) == ("desk@xn--bro-hoa.example", "xn--bro-hoa.example")


def test_an_address_that_can_never_be_sent_to_stops_the_start_with_its_line_and_the_reason() -> None:
    message = faults(
        make_document(
            addresses={"eai": {"email": "jörg@example.org"}, "dots": {"email": "ops..team@example.org"}}, rules=[]
        )
    )
    assert "line 6, addresses.eai.email: must be ASCII before the @" in message
    assert "line 8, addresses.dots.email: must be letters" in message


def test_a_secret_comes_from_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "chat.secret").write_text(f"{SECRET}\n")
    addresses = {"chat": {"webhook": {"url": "https://x/", "secret_file": "chat.secret"}}}
    settings = parse(make_document(addresses=addresses, rules=[]), folder=tmp_path)
    assert settings.policy.addresses.webhooks["chat"].secret == SECRET


@pytest.mark.parametrize("content", [None, "", "whsec_!!!", "whsec_c2hvcnQ="])
def test_a_secret_file_that_is_missing_or_no_secret_is_a_fault(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "chat.secret").write_text(content)
    addresses = {"chat": {"webhook": {"url": "https://x/", "secret_file": "chat.secret"}}}
    with pytest.raises(Invalid, match=r"addresses\.chat\.webhook\.secret_file"):
        parse(make_document(addresses=addresses, rules=[]), folder=tmp_path)


def test_a_user_of_the_mail_server_needs_a_password() -> None:
    assert "smtp.password" in faults(make_document(smtp={"sender": "a@b.org", "user": "desk"}))


def test_no_secret_shows_in_the_settings_text() -> None:
    smtp = {"sender": "a@b.org", "user": "desk", "password": "open sesame"}
    shown = repr(parse(make_document(smtp=smtp)))
    assert SECRET not in shown
    assert "sesame" not in shown


def test_the_environment_names_another_mail_server() -> None:
    settings = with_mail_server(parse(make_document()), "mail.example", 2525)
    assert (settings.smtp.host, settings.smtp.port) == ("mail.example", 2525)
    assert with_mail_server(settings, None, None) == settings


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "rules: 1"])
def test_a_file_that_holds_something_else_is_a_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(text)
    with pytest.raises(Invalid, match=r"notify\.yaml"):
        load(path)


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ("{language: no}", "when.language: no may be true, false or a word: write true or false, or 'no'"),
        ("{language: [sv, ON]}", "ON may be true, false or a word"),
        ("{weight: .nan}", "nan is equal to nothing"),
        ("{weight: [1, -.inf]}", "-inf is equal to nothing"),
        ("{'': x}", "is no path"),
        ("{change..percent: 1}", "is no path"),
        ("{.change: 1}", "is no path"),
    ],
)
def test_a_condition_that_no_record_would_meet_is_refused(tmp_path: Path, condition: str, fault: str) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(with_condition(condition))
    with pytest.raises(Invalid) as caught:
        load(path)
    assert fault in caught.value.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [("12:30", "12:30"), ("0010", "0010"), ("'no'", "no"), ("false", False), ("~", None), ("3", 3)],
)
def test_a_condition_compares_with_what_is_written(tmp_path: Path, written: str, meant: object) -> None:
    path = tmp_path / "notify.yaml"
    path.write_text(with_condition(f"{{category: {written}}}"))
    assert load(path).policy.rules[0].when == (Condition(path="category", values=(meant,)),)


def with_condition(condition: str) -> str:
    document = make_document(rules=[make_rule_entry(when="HERE")])
    return yaml.safe_dump(document, sort_keys=False).replace("HERE", condition)


@pytest.mark.parametrize("words", ["ü", "pä", "a\0b", "пароль"])
def test_a_login_that_the_mail_server_cannot_be_told_is_refused_without_being_shown(words: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(words, encoding="utf-8")
    plain = {"sender": "desk@desk.example", "user": "desk"}
    for smtp, place in (
        ({**plain, "user": words, "password": "x"}, "smtp.user"),
        ({**plain, "password": words}, "smtp.password"),
        ({**plain, "password_file": "secret"}, "smtp.password_file"),
    ):
        with pytest.raises(Invalid) as caught:
            parse(make_document(smtp=smtp), tmp_path)
        assert f"{place}: must be ASCII" in caught.value.message
        assert words not in caught.value.message.replace(str(tmp_path), "")
