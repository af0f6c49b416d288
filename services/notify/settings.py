"""The settings file of notify: rules, addresses, mail server, webhooks. A wrong one names every fault at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, post_load

from services.notify.domain.patience import DOUBTFUL_PAUSES, Patience, PatienceTable
from services.notify.domain.plan import Policy
from services.notify.domain.rules import ROLES, Addresses, Channel, Condition, Rule, Webhook
from services.notify.domain.smtp_steps import SmtpSteps
from services.notify.settings_schema import SettingsSchema, login_words, signing_secret
from shared import settings_file
from shared.retry import LADDER
from shared.settings_file import Place, refused

_Fault = tuple[Place, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """The mail server and our name on it. `domain` is the right-hand side of every Message-ID."""

    host: str
    port: int
    sender: str
    domain: str
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout_seconds: float | None = None
    """How long any one answer is waited for; None leaves each step the time that RFC 5321 gives it."""

    @property
    def steps(self) -> SmtpSteps:
        """How long each step may take."""
        return SmtpSteps() if self.timeout_seconds is None else SmtpSteps.all(self.timeout_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How far a webhook may reach. Both permissions are for one machine and tests."""

    allow_http: bool = False
    allow_private: bool = False
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """The whole file. `concurrent` attempts go on at once, beside those that take long.

    `lease` is how long what is on its way belongs to its sender, unless the sender renews it.
    """

    policy: Policy
    patience: PatienceTable
    lease: timedelta
    concurrent: int
    smtp: SmtpSettings
    webhook: WebhookSettings


def load(path: Path) -> NotifySettings:
    """Read the file. Raises SettingsError when it cannot be read or has faults; the message names all."""
    settings: NotifySettings = settings_file.load(path, _WholeSchema(path.parent))
    return settings


class _WholeSchema(SettingsSchema):
    """The file with what its parts must be to each other. `folder` is where a relative `..._file` begins."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @post_load
    def _make(self, raw: dict[str, Any], **_: Any) -> NotifySettings:
        return _settings(raw, self._folder)


def _settings(raw: Mapping[str, Any], folder: Path) -> NotifySettings:
    faults: list[_Fault] = []
    secrets = _Secrets(folder, faults)
    addresses = _addresses(raw["addresses"], secrets, faults)
    rules = tuple(_rule(one) for one in raw["rules"])
    smtp = _smtp(raw["smtp"], raw["domain"], secrets, faults)
    faults += _cross_check(rules, addresses, raw["fallback"])
    if faults:
        raise refused(faults)
    policy = Policy(rules=rules, addresses=addresses, fallback=raw["fallback"], max_hops=raw["max_hops"])
    return NotifySettings(
        policy=policy,
        patience=_patience(raw["patience"], raw["max_attempts"]),
        lease=timedelta(seconds=raw["lease_seconds"]),
        concurrent=raw["concurrent"],
        smtp=smtp,
        webhook=WebhookSettings(**raw["webhook"]),
    )


def with_mail_server(settings: NotifySettings, host: str | None, port: int | None) -> NotifySettings:
    """The settings with another mail server, where the environment names one: it counts before the file."""
    smtp = replace(settings.smtp, host=host or settings.smtp.host, port=port or settings.smtp.port)
    return replace(settings, smtp=smtp)


KEEP_TRYING = {Channel.EMAIL: timedelta(days=5), Channel.WEBHOOK: timedelta(days=1)}
LONGEST_PAUSE = {Channel.EMAIL: timedelta(minutes=30), Channel.WEBHOOK: timedelta(hours=1)}
URGENT_LONGEST_PAUSE = timedelta(minutes=5)


def _patience(raw: Mapping[str, Mapping[str, Any]], max_attempts: int | None) -> PatienceTable:
    normal, urgent = {}, {}
    for channel in Channel:
        given = raw[channel.value]
        keep_trying = _span(given, "keep_trying_hours", timedelta(hours=1), KEEP_TRYING[channel])
        minute = timedelta(minutes=1)
        longest = _span(given, "longest_pause_minutes", minute, LONGEST_PAUSE[channel])
        longest_urgent = _span(given, "urgent_longest_pause_minutes", minute, min(longest, URGENT_LONGEST_PAUSE))
        doubtful = [pause * minute for pause in given.get("doubtful_pauses_minutes", ())]
        normal[channel] = Patience(
            pauses=_pauses(longest),
            keep_trying=keep_trying,
            max_attempts=max_attempts,
            doubtful_pauses=tuple(doubtful) or DOUBTFUL_PAUSES,
        )
        urgent[channel] = replace(normal[channel], pauses=_pauses(longest_urgent))
    return PatienceTable(normal=normal, urgent=urgent)


def _span(given: Mapping[str, Any], name: str, unit: timedelta, default: timedelta) -> timedelta:
    return unit * given[name] if name in given else default


def _pauses(longest: timedelta) -> tuple[timedelta, ...]:
    """The house's ladder as far as it is shorter, then `longest`."""
    return (*(step for step in LADDER if step < longest), longest)


class _Secrets:
    """Reads secrets from where the settings point, and notes the ones it cannot have."""

    def __init__(self, folder: Path, faults: list[_Fault]) -> None:
        self._folder = folder
        self._faults = faults

    def read(self, raw: Mapping[str, Any], name: str, place: Place) -> str:
        """The secret under `name` or `name`_file; empty, with a fault noted, when it cannot be had."""
        if f"{name}_file" in raw:
            path: Path = self._folder / raw[f"{name}_file"]
            try:
                return path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self._faults.append(((*place, f"{name}_file"), str(error)))
                return ""
        given: str = raw.get(name, "")
        return given


def _addresses(raw: Mapping[str, Any], secrets: _Secrets, faults: list[_Fault]) -> Addresses:
    emails = {name: one["email"] for name, one in raw.items() if "email" in one}
    webhooks = {
        name: _webhook(one["webhook"], secrets, faults, ("addresses", name, "webhook"))
        for name, one in raw.items()
        if "webhook" in one
    }
    return Addresses(emails=emails, webhooks=webhooks)


def _webhook(raw: Mapping[str, Any], secrets: _Secrets, faults: list[_Fault], place: Place) -> Webhook:
    before = len(faults)
    secret = secrets.read(raw, "secret", place)
    try:
        signing_secret(secret)
    except ValidationError as error:
        if len(faults) == before:
            faults.append(((*place, "secret_file"), str(error.args[0])))
    return Webhook(url=raw["url"], secret=secret)


def _smtp(raw: Mapping[str, Any], domain: str, secrets: _Secrets, faults: list[_Fault]) -> SmtpSettings:
    plain = {name: value for name, value in raw.items() if not name.startswith("password")}
    password = secrets.read(raw, "password", ("smtp",))
    try:
        login_words(password)
    except ValidationError as error:
        faults.append((("smtp", "password_file"), str(error.args[0])))
    return SmtpSettings(**plain, domain=domain, password=password)


def _rule(raw: Mapping[str, Any]) -> Rule:
    conditions = (
        Condition(path=path, values=tuple(wanted) if isinstance(wanted, list) else (wanted,))
        for path, wanted in raw["when"].items()
    )
    return Rule(
        name=raw["name"],
        events=tuple(raw["events"]),
        to=tuple(raw["to"]),
        channel=Channel(raw["channel"]),
        when=tuple(conditions),
        subject=raw["subject"],
        text=raw["text"],
    )


def _cross_check(rules: tuple[Rule, ...], addresses: Addresses, fallback: str) -> Iterator[_Fault]:
    names = addresses.emails.keys() | addresses.webhooks.keys()
    for name in sorted(names & ROLES):
        yield ("addresses", name), "this name stands for a field of the record"
    if fallback and fallback not in names:
        yield ("fallback",), f"there is no address {fallback!r}"
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in seen:
            yield ("rules", index, "name"), f"there is another rule {rule.name!r}"
        seen.add(rule.name)
        for name in rule.to:
            if name not in ROLES and not addresses.has(name, rule.channel):
                yield ("rules", index, "to"), f"{name!r} has no address for {rule.channel.value}"
