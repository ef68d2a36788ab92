import pytest

from claude_run.dialects.fields import Field, Treatment, deviation, markdown_table, sift, table
from claude_run.turn import Notice
from tests.dialects.chats import refusal

FIELDS = table(
    Field("model", Treatment.HONOURED, "The model."),
    Field("seed", Treatment.IGNORED, "There is no seed."),
    Field("store", Treatment.IGNORED, "Nothing is stored.", harmless=(False,)),
    Field("modalities", Treatment.REFUSED, "Only text.", harmless=(["text"],)),
)


def test_honoured_fields_pass_without_a_word() -> None:
    assert sift({"model": "opus"}, FIELDS, strict=True) == ({"model": "opus"}, ())


@pytest.mark.parametrize("name", ["model", "seed", "store", "modalities", "no_such_field"])
def test_null_means_absent_whatever_the_field(name: str) -> None:
    assert sift({name: None}, FIELDS, strict=True) == ({}, ())


def test_an_ignored_field_is_dropped_with_a_notice_that_says_why() -> None:
    honoured, notices = sift({"seed": 7}, FIELDS, strict=False)
    assert honoured == {}
    assert notices == (Notice("seed", "seed is ignored. There is no seed."),)


def test_an_unknown_field_is_dropped_with_a_notice() -> None:
    honoured, (notice,) = sift({"thnking": True}, FIELDS, strict=False)
    assert honoured == {}
    assert notice.subject == "thnking"
    assert "thnking" in notice.text


def test_many_unknown_fields_are_told_of_in_one_short_notice() -> None:
    body = {f"{n}{'x' * 1000}": n for n in range(1500)}
    _, (notice,) = sift(body, FIELDS, strict=False)
    assert "1488 more" in notice.text
    assert len(notice.text) < 4_000


@pytest.mark.parametrize(("name", "value"), [("store", False), ("modalities", ["text"])])
def test_a_harmless_value_is_accepted_silently_even_when_strict(name: str, value: object) -> None:
    assert sift({name: value}, FIELDS, strict=True) == ({}, ())


@pytest.mark.parametrize("strict", [True, False])
def test_a_refused_field_is_named(strict: bool) -> None:
    error = refusal(lambda: sift({"modalities": ["audio"]}, FIELDS, strict=strict))
    assert error.param == "modalities"
    assert error.message == "modalities is not supported. Only text."


@pytest.mark.parametrize("name", ["seed", "thnking"])
def test_strict_refuses_what_would_be_ignored_and_says_so(name: str) -> None:
    error = refusal(lambda: sift({name: 7}, FIELDS, strict=True))
    assert error.param == name
    assert name in error.message
    assert "--strict-params is on" in error.message


def test_a_deviation_is_a_notice_until_strict_makes_it_a_refusal() -> None:
    assert deviation("n", "n is 1.", strict=False) == Notice("n", "n is 1.")
    assert refusal(lambda: deviation("n", "n is 1.", strict=True)).param == "n"


def test_the_readme_table_has_a_row_for_each_field() -> None:
    lines = markdown_table(FIELDS).splitlines()
    assert lines[0] == "| Field | Treatment | What happens |"
    assert "| `seed` | ignored | There is no seed. |" in lines
    assert len(lines) == 2 + len(FIELDS)
