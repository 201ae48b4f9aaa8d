"""AutoMod's keyword syntax, word edges in several scripts, the allow-list, and the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.normalise import clean, view
from moderation.rules import MAX_CHARACTERS, KeywordProblem, Pattern, Rule, RuleSet, parse
from moderation.verdict import Action


def rules(*keywords: str, allow: tuple[str, ...] = ()) -> RuleSet:
    return RuleSet(
        tuple(Rule(number, keyword, Action.HOLD) for number, keyword in enumerate(keywords, 1)),
        tuple(Rule(1000 + number, keyword, Action.ALLOW) for number, keyword in enumerate(allow, 1)),
    )


def found(ruleset: RuleSet, text: str) -> list[str]:
    return [match.original for match in ruleset.match(text)]


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("zog", "a zog here", ["zog"]),
        ("zog", "zog", ["zog"]),
        ("zog", "ZoG, zog. (zog) zog's _zog_", ["ZoG", "zog", "zog", "zog", "zog"]),
        ("zog", "rezogged zogs mizog", []),
        ("zog", "zog2 2zog", []),
        ("zog*", "zogs zoggle rezog", ["zogs", "zoggle"]),
        ("*zog", "rezog zogs zog", ["rezog", "zog"]),
        ("*zog*", "rezogged and zog-zog", ["rezogged", "zog", "zog"]),
        ("*zog*", "zogzog", ["zogzog"]),
        ("**zog**", "rezogged", ["rezogged"]),
        ("＊zog＊", "rezogged", ["rezogged"]),
        ("pink zog", "a pink  zog".replace("  ", " "), ["pink zog"]),
        ("pink zog", "pink zogs", []),
        ("pink zog*", "pink zogs", ["pink zogs"]),
        ("z*g", "a z*g, no zog", ["z*g"]),
        ("z++", "z++ z++x xz++", ["z++", "z++"]),
        ("zög", "a ZOG and zo\u0308g", ["ZOG", "zög"]),
        ("zog", "ｚｏｇ 𝐳𝐨𝐠 z\u200bog", ["ｚｏｇ", "𝐳𝐨𝐠", "zog"]),
        ("🦖", "a 🦖🦖 and x🦖", ["🦖", "🦖", "🦖"]),
    ],
)
def test_where_a_keyword_fires(keyword: str, text: str, expected: list[str]) -> None:
    assert found(rules(keyword), clean(text)) == expected


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("猫", "可愛い猫の絵", ["猫"]),
        ("ねこ", "かわいいねこのえ", ["ねこ"]),
        ("zog", "可愛いzogの絵", ["zog"]),
        ("ロリ", "カロリー", []),  # calories: the Japanese Scunthorpe
        ("カロリ", "カロリー", []),
        ("カロリー", "低カロリー食", ["カロリー"]),
        ("*ロリ*", "カロリー", ["カロリー"]),
        ("คา", "คา\u0e35", []),  # the next character carries a mark: half a character is no match
        ("แมว", "รูปแมวน่ารัก", ["แมว"]),
        ("고양이", "고양이 그림", ["고양이"]),
        ("고양이", "고양이가", []),  # Korean has spaces; its particles need a star
        ("고양이*", "고양이가", ["고양이가"]),
        ("мой", "мои", []),
        ("зог", "Зог и розог", ["Зог"]),
    ],
)
def test_words_in_other_scripts(keyword: str, text: str, expected: list[str]) -> None:
    assert found(rules(keyword), clean(text)) == expected


def test_matches_tell_where_in_the_text_they_are() -> None:
    text = "big Zög, small zog"
    assert [(m.start, m.end, text[m.start : m.end]) for m in rules("zog").match(text)] == [
        (4, 7, "Zög"),
        (15, 18, "zog"),
    ]


def test_several_rules_fire_side_by_side_in_reading_order() -> None:
    matches = rules("gle", "*zorg*", "blim").match("zorggle blim gle")
    assert [(match.rule.id, match.original) for match in matches] == [(2, "zorggle"), (3, "blim"), (1, "gle")]


def test_an_allowed_phrase_excuses_what_it_covers_and_nothing_else() -> None:
    ruleset = rules("*zog*", "blim", allow=("zoggery", "blim blam"))
    matches, excused = ruleset.examine("zoggery, zog, blim blam, blim")
    assert [match.original for match in matches] == ["zog", "blim"]
    assert [(each.match.original, each.by.keyword) for each in excused] == [
        ("zoggery", "zoggery"),
        ("blim", "blim blam"),
    ]


def test_an_allowed_phrase_must_cover_the_whole_match() -> None:
    assert found(rules("pink zog", allow=("pink",)), "a pink zog") == ["pink zog"]
    assert found(rules("*zog*", allow=("zog",)), "rezogged") == ["rezogged"]


def test_an_allowed_phrase_has_the_same_syntax() -> None:
    assert found(rules("*zog*", allow=("rezog*",)), "rezogging") == []


@pytest.mark.parametrize(
    ("keyword", "problem"),
    [
        ("", KeywordProblem.EMPTY),
        (" \n\u200b", KeywordProblem.EMPTY),
        ("\u0301", KeywordProblem.EMPTY),
        ("*", KeywordProblem.ONLY_STARS),
        ("** * **", KeywordProblem.ONLY_STARS),
        ("x" * (MAX_CHARACTERS + 1), KeywordProblem.TOO_LONG),
    ],
)
def test_keywords_that_are_none(keyword: str, problem: KeywordProblem) -> None:
    assert parse(keyword) is problem


def test_sixty_characters_are_enough_stars_included() -> None:
    assert isinstance(parse("x" * MAX_CHARACTERS), Pattern)
    assert isinstance(parse("*" + "x" * (MAX_CHARACTERS - 2) + "*"), Pattern)


@pytest.mark.parametrize(("one", "other"), [("Zog", "zog"), ("zög", "ZOG"), ("*zog*", "**ZOG**"), ("a  b", "a b")])
def test_spellings_of_the_same_keyword(one: str, other: str) -> None:
    first, second = parse(one), parse(other)
    assert isinstance(first, Pattern)
    assert isinstance(second, Pattern)
    assert first.folded == second.folded


def test_the_four_forms_of_a_word_are_four_keywords() -> None:
    patterns = [parse(keyword) for keyword in ("zog", "zog*", "*zog", "*zog*")]
    assert len({pattern.folded for pattern in patterns if isinstance(pattern, Pattern)}) == 4


def test_a_rule_that_cannot_be_read_stops_everything() -> None:
    with pytest.raises(ValueError, match="rule 1 cannot be read"):
        rules("***")


def test_a_thousand_keywords_made_to_be_slow_find_all_there_is() -> None:
    """Every keyword is a run of the same letter, and so is the prompt; nothing is quadratic, so this is quick."""
    stars = [("", ""), ("", "*"), ("*", ""), ("*", "*")]
    keywords = [f"{before}{'a' * length}{after}" for length in range(1, 59) for before, after in stars]
    keywords += [f"{'a' * 50}{number}" for number in range(1000 - len(keywords))]
    ruleset = rules(*keywords)
    words = ruleset.match("a" * 4000)
    assert len(words) == 58 * 3, "each starred form once, for the whole word; the bare forms never"
    assert {(match.start, match.end) for match in words} == {(0, 4000)}
    assert ruleset.match("b " * 2000) == ()
    assert len(rules("*a*").match("a " * 2000)) == 2000


NONSENSE = st.text("zogblim* -'éZ猫カー", min_size=1, max_size=8)


@given(st.lists(NONSENSE, max_size=6), st.text("zogblim -'éZ猫カー\u200d", max_size=60))
def test_it_agrees_with_looking_everywhere(keywords: list[str], written: str) -> None:
    """A slow, obvious matcher that tries every place; a rule fires in a text exactly if that one finds it."""
    text = clean(written)
    readable = [keyword for keyword in keywords if isinstance(parse(keyword), Pattern)]
    ruleset = rules(*readable)
    matches = ruleset.match(text)
    assert {match.rule.keyword for match in matches} == {each for each in readable if _fires(each, text)}
    for match in matches:
        assert text[match.start : match.end] == match.original
        assert match.original


def _fires(keyword: str, text: str) -> bool:
    pattern = parse(keyword)
    assert isinstance(pattern, Pattern)
    seen, size = view(text).text, len(pattern.core)
    return any(
        seen[at : at + size] == pattern.core
        and (not pattern.starts_word or _edge(seen, at))
        and (not pattern.ends_word or _edge(seen, at + size))
        for at in range(len(seen) - size + 1)
    )


def _edge(text: str, at: int) -> bool:
    def kind(char: str) -> str:
        if char == "猫":
            return "alone"
        if char in "カー":
            return "katakana"
        return "word" if char.isalnum() else "outside"

    if at in {0, len(text)}:
        return True
    return kind(text[at - 1]) != kind(text[at]) or kind(text[at]) in {"alone", "outside"}


@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=5))
def test_no_text_and_no_keyword_breaks_it(written: str, keywords: list[str]) -> None:
    readable = [keyword for keyword in keywords if isinstance(parse(keyword), Pattern)]
    text = clean(written)
    for match in rules(*readable, allow=tuple(readable[:1])).match(text):
        assert text[match.start : match.end] == match.original


@given(st.text(min_size=1, max_size=20))
def test_a_keyword_fires_on_itself(written: str) -> None:
    keyword = clean(written).strip("*").strip()
    if isinstance(parse(keyword), Pattern):
        assert rules(keyword).match(keyword)
