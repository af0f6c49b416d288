"""When an embedded database that stands still is started again, and when that is given up."""

from __future__ import annotations

from deploy.local.standstill import FORGIVEN_AFTER, GRACE_SECONDS, MOST_RESTARTS, Standstill, Verdict

STILL = {"incident": {"commits": "no commit has succeeded for 61 s"}, "sla": {}, "relay": {}}
WELL = {"incident": {"database": "does not answer"}, "sla": {}}


def test_a_database_of_which_nobody_complains_is_left_alone() -> None:
    guard = Standstill(started_at=0.0)
    assert guard.look(10_000.0, WELL) is Verdict.NOTHING


def test_a_complaint_of_one_process_is_enough_and_is_kept_for_people() -> None:
    guard = Standstill(started_at=0.0)
    assert guard.look(GRACE_SECONDS, STILL) is Verdict.RESTART
    assert guard.said == "incident: no commit has succeeded for 61 s"
    assert Standstill(started_at=0.0).look(GRACE_SECONDS, {"relay": {"sla commits": "none"}}) is Verdict.RESTART


def test_after_a_start_it_is_left_alone_for_a_while() -> None:
    guard = Standstill(started_at=100.0)
    assert guard.look(100.0 + GRACE_SECONDS - 1, STILL) is Verdict.NOTHING
    assert guard.look(100.0 + GRACE_SECONDS, STILL) is Verdict.RESTART
    assert guard.look(101.0 + GRACE_SECONDS, STILL) is Verdict.NOTHING


def test_three_restarts_within_an_hour_are_all() -> None:
    guard, now, verdicts = Standstill(started_at=0.0), 0.0, []
    for _ in range(MOST_RESTARTS + 1):
        now += GRACE_SECONDS
        verdicts.append(guard.look(now, STILL))
    assert verdicts == [Verdict.RESTART] * MOST_RESTARTS + [Verdict.GIVE_UP]


def test_a_restart_of_long_ago_counts_no_more() -> None:
    guard, now = Standstill(started_at=0.0), 0.0
    for _ in range(10):
        now += FORGIVEN_AFTER
        assert guard.look(now, STILL) is Verdict.RESTART
