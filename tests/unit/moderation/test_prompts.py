"""From matches to a verdict, and what the member is told."""

from moderation.prompts import DEFAULT_EFFECT, PromptCheck, check_prompt
from moderation.rules import Rule, RuleSet
from moderation.verdict import Action, Verdict

RULES = RuleSet(
    (Rule(1, "zog*", Action.HOLD), Rule(2, "blim", Action.REJECT), Rule(3, "*plaf*", Action.REJECT)),
    (Rule(4, "zoggery", Action.ALLOW),),
)


def test_without_a_match_it_is_allowed_without_a_reason() -> None:
    check = check_prompt(RULES, "a red boat in a zoggery")
    assert check == PromptCheck(Verdict())
    assert (check.verdict.action, check.term) == (Action.ALLOW, "")


def test_the_severest_rule_decides_and_gives_the_term() -> None:
    check = check_prompt(RULES, "a zogling, blim and subplaffed")
    assert check.verdict.action is Action.REJECT
    assert check.term == "blim"
    assert {reason.category for reason in check.verdict.reasons} == {"1", "2", "3"}


def test_a_rule_that_fires_often_is_one_reason() -> None:
    check = check_prompt(RULES, "zogs zogging zog")
    assert (check.verdict.action, check.term, len(check.matches)) == (Action.HOLD, "zog", 3)
    assert len(check.verdict.reasons) == 1


def test_a_reason_quotes_the_rule_and_never_the_prompt() -> None:
    (reason,) = check_prompt(RULES, "my secret zogling").verdict.reasons
    assert (reason.detector, reason.detail) == ("keyword", "The keyword “zog*” is in the prompt.")


def test_a_keyword_holds_unless_moderators_chose_otherwise() -> None:
    assert DEFAULT_EFFECT is Action.HOLD
