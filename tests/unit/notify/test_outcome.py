from __future__ import annotations

import pytest

from services.notify.domain.outcome import Origin, Outcome, Stage, blame_smtp, judge_http, refuse_smtp

SENT, RETRY, PERMANENT = Outcome.SENT, Outcome.RETRY, Outcome.PERMANENT


@pytest.mark.parametrize(
    ("stage", "code", "outcome"),
    [
        (Stage.DATA, 250, RETRY),
        (Stage.CONNECT, 250, RETRY),
        (Stage.SENDER, 552, PERMANENT),
        (Stage.RECIPIENT, 530, RETRY),
        (Stage.DATA, 503, RETRY),
        (Stage.RECIPIENT, 550, PERMANENT),
        (Stage.RECIPIENT, 553, PERMANENT),
        (Stage.DATA, 554, PERMANENT),
        (Stage.RECIPIENT, 421, RETRY),
        (Stage.RECIPIENT, 450, RETRY),
        (Stage.DATA, 452, RETRY),
        (Stage.CONNECT, 535, RETRY),
        (Stage.CONNECT, 554, RETRY),
        (Stage.SENDER, 553, RETRY),
        (Stage.CONNECT, -1, RETRY),
        (Stage.DATA, 354, RETRY),
    ],
)
def test_a_mail_server_refuses_for_good_only_a_recipient_or_a_message(
    stage: Stage, code: int, outcome: Outcome
) -> None:
    assert refuse_smtp(stage, code) is outcome


def test_what_is_refused_before_a_recipient_is_named_is_the_servers_refusal_but_for_a_message_that_is_too_large() -> (
    None
):
    blamed = {
        (stage, code): blame_smtp(stage, code)
        for stage, code in [(Stage.CONNECT, 421), (Stage.SENDER, 553), (Stage.SENDER, 552), (Stage.RECIPIENT, 451)]
    }
    assert list(blamed.values()) == [Origin.SERVER, Origin.SERVER, Origin.RECIPIENT, Origin.RECIPIENT]
    assert blame_smtp(Stage.RECIPIENT, 421) is Origin.SERVER


@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        (SENT, [200, 201, 202, 204, 299]),
        (RETRY, [100, 302, 303, 307, 408, 425, 429, 500, 502, 503, 504, 599]),
        (PERMANENT, [300, 301, 304, 308, 400, 401, 403, 404, 405, 410, 413, 422, 451]),
    ],
)
def test_each_http_status_has_its_meaning(outcome: Outcome, statuses: list[int]) -> None:
    assert {status: judge_http(status) for status in statuses} == dict.fromkeys(statuses, outcome)
