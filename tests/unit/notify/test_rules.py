from __future__ import annotations

import pytest

from services.notify.domain.plan import plan
from services.notify.domain.rules import Channel, Condition, Reason, should_notify, type_matches
from tests.unit.notify.factories import make_data, make_facts, make_hook, make_policy, make_rule

P1 = Condition(path="priority", values=("P1", "P2"))


@pytest.mark.parametrize(
    ("pattern", "event_type", "fits"),
    [
        ("incident.opened", "incident.opened", True),
        ("incident.*", "incident.opened", True),
        ("sla.*", "incident.opened", False),
        ("incident.opened", "incident.opened.twice", False),
        ("incident.*", "incident.opened.twice", False),
    ],
)
def test_a_star_stands_for_exactly_one_word(pattern: str, event_type: str, fits: bool) -> None:
    assert type_matches(pattern, event_type) is fits


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        (make_rule(), make_facts(), Reason.MATCHED),
        (make_rule(when=(P1,)), make_facts(), Reason.MATCHED),
        (make_rule(), make_facts(type="incident.closed"), Reason.OTHER_EVENT),
        (make_rule(), make_facts(backfill=True), Reason.BACKFILL),
        (make_rule(), make_facts(hops=17), Reason.HOP_LIMIT),
        (make_rule(), make_facts(hops=16), Reason.MATCHED),
        (make_rule(when=(P1,)), make_facts(data=make_data(priority="P3")), Reason.CONDITION_NOT_MET),
        (make_rule(when=(P1,)), make_facts(data={}), Reason.CONDITION_NOT_MET),
        (make_rule(when=(P1,)), make_facts(restricted=True), Reason.MATCHED),
        (
            make_rule(when=(Condition(path="team", values=("network",)),)),
            make_facts(restricted=True),
            Reason.RESTRICTED_HIDDEN,
        ),
    ],
)
def test_a_rule_answers_with_its_reason(rule: object, facts: object, reason: Reason) -> None:
    assert should_notify(rule, facts, max_hops=16) is reason  # type: ignore[arg-type]


def test_a_condition_reaches_into_an_object_by_a_dot() -> None:
    rule = make_rule(when=(Condition(path="change.percent", values=(80,)),))
    at_80 = make_facts(data=make_data(change={"percent": 80}))
    at_50 = make_facts(data=make_data(change={"percent": 50}))
    assert should_notify(rule, at_80, max_hops=16) is Reason.MATCHED
    assert should_notify(rule, at_50, max_hops=16) is Reason.CONDITION_NOT_MET


def test_a_condition_on_a_number_is_not_met_by_a_flag() -> None:
    rule = make_rule(when=(Condition(path="reopened", values=(1,)),))
    facts = make_facts(data=make_data(reopened=True))
    assert should_notify(rule, facts, max_hops=16) is Reason.CONDITION_NOT_MET


def test_all_conditions_must_hold() -> None:
    rule = make_rule(when=(P1, Condition(path="team", values=("database",))))
    assert should_notify(rule, make_facts(), max_hops=16) is Reason.CONDITION_NOT_MET


def test_the_team_is_found_under_its_name_in_the_address_book() -> None:
    (one,) = plan(make_policy(), make_facts()).deliveries
    assert (one.recipient, one.channel) == ("network", Channel.EMAIL)


def test_two_rules_for_one_recipient_and_channel_give_one_delivery_with_the_words_of_the_first() -> None:
    policy = make_policy(make_rule(name="first"), make_rule(name="second", to=("network", "team")))
    (one,) = plan(policy, make_facts()).deliveries
    assert one.rule.name == "first"


def test_one_recipient_on_two_channels_gets_two_deliveries() -> None:
    policy = make_policy(make_rule(to=("manager",)), make_hook(to=("manager",)))
    assert [one.channel for one in plan(policy, make_facts()).deliveries] == [Channel.EMAIL, Channel.WEBHOOK]


@pytest.mark.parametrize("team", [None, "unknown", 7])
def test_a_team_without_an_address_is_reported_as_no_recipient(team: object) -> None:
    result = plan(make_policy(), make_facts(data=make_data(team=team)))
    assert result.deliveries == ()
    assert [decision.reason for decision in result.decisions] == [Reason.NO_RECIPIENT]


def test_a_rule_that_reaches_nobody_goes_to_the_fallback() -> None:
    policy = make_policy(fallback="manager")
    (one,) = plan(policy, make_facts(data=make_data(team="unknown"))).deliveries
    assert one.recipient == "manager"


def test_the_fallback_is_left_alone_when_somebody_is_reached() -> None:
    (one,) = plan(make_policy(fallback="manager"), make_facts()).deliveries
    assert one.recipient == "network"


def test_history_that_is_brought_over_notifies_nobody_not_even_the_fallback() -> None:
    assert plan(make_policy(fallback="manager"), make_facts(backfill=True)).deliveries == ()


def test_the_team_of_a_restricted_record_is_unknown_but_a_named_address_is_told() -> None:
    facts = make_facts(restricted=True, data={"number": "INC0000001", "version": 1, "state": "new", "priority": "P1"})
    (one,) = plan(make_policy(make_rule(to=("team", "manager"))), facts).deliveries
    assert one.recipient == "manager"


REQUESTER = make_rule(to=("requester",))


@pytest.mark.parametrize("requester", ["manager", {"id": "manager"}])
def test_a_requester_is_reached_under_their_id(requester: object) -> None:
    (one,) = plan(make_policy(REQUESTER), make_facts(data=make_data(requester=requester))).deliveries
    assert one.recipient == "manager"


@pytest.mark.parametrize("requester", [None, "rita", {"id": "rita", "sealed": "v1:box"}])
def test_what_is_for_a_requester_without_an_address_goes_to_nobody_else(requester: object) -> None:
    facts = make_facts(data=make_data(requester=requester))
    assert plan(make_policy(REQUESTER, fallback="manager"), facts).deliveries == ()
