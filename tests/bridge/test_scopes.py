"""Parts of a run with rules of their own: budgets, models, cassettes, and what they asked."""

import os
from pathlib import Path
from typing import Any

import pytest

from claude_run import AnswerError, Bridge
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask
from tests.wrapped import sealed


def test_a_scope_has_its_own_models_and_its_own_budget(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    with bridge.scope("tests/a.py::b[1/2]", max_calls=2, model_map={"mine": "haiku"}) as scope:
        assert scope.complete("one", model="mine") == "Hello world"
        assert scope.complete("two", model="gpt-4.1") == "Hello world"  # the run's map holds, too
        with pytest.raises(AnswerError, match=r"budget of tests/a\.py::b\[1/2\] is used up"):
            scope.complete("three")
        assert bridge.complete("of nobody") == "Hello world"
        told = scope.told()
    assert ["haiku" in r["model"] for r in upstream.requests] == [True, False, False]
    assert (told["calls"], told["errors"], told["replayed"]) == (3, 1, 0)
    assert [entry["status"] for entry in told["conversations"]] == [200, 200, 429]
    assert scope.outcome["tokens"] == 2 * 15
    with pytest.raises(AnswerError, match="no open scope"):
        scope.told()


def test_a_scope_has_a_cassette_of_its_own_and_may_speak_for_calls_without_a_label(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with Bridge(environment=environment, scopes=tmp_path, max_calls=3) as bridge:
        options: dict[str, Any] = {"cassette": tmp_path / "tape", "unlabelled": True}
        with bridge.scope("recorded", record="new", **options) as scope:
            assert bridge.complete("hello") == "Hello world"
        assert scope.outcome["cassette"]["recorded"] == 1
        with bridge.scope("replayed", record="none", max_calls=1, **options) as scope:
            assert bridge.complete("hello") == "Hello world"
            with pytest.raises(AnswerError, match="Nothing recorded answers this request"):
                bridge.complete("something else")
        assert (scope.outcome["replayed"], scope.outcome["cassette"]["missed"]) == (1, 1)
        with bridge.scope("both", record="new", max_calls=1, **options) as scope:
            for text in ("hello", "new"):  # what is replayed counts for no budget
                assert bridge.complete(text) == "Hello world"
            with pytest.raises(AnswerError, match="budget of both is used up"):
                bridge.complete("newer")
        assert len(upstream.requests) == 2
        with bridge.scope("wide", max_calls=9) as scope:  # it narrows what the run allows
            assert scope.complete("one") == "Hello world"
            with pytest.raises(AnswerError, match="budget of this run is used up"):
                scope.complete("two")
        for wrong, told in (
            ({"cassette": "/etc"}, "does not stand below"),
            ({"cassette": tmp_path / "tape", "ignore": ["("]}, r"\("),
        ):
            with pytest.raises(AnswerError, match=told), bridge.scope("wrong", **wrong):
                pass
    with pytest.raises(TypeError, match="a scope has no option 'port'"):
        bridge.scope("wrong", port=1)


WRONG: tuple[dict[str, Any], ...] = (
    {"max_calls": "many"},
    {"max_calls": -1},
    {"max_cost": "1"},
    {"model_map": 5},
    {"model_map": [[1, 2]]},
    {"model_map": ["x"]},
    {"model_map": [["a", "b", "c"]]},
    {"default_model": {}},
    {"cassette": 5},
    {"cassette": "a\0b"},
    {"cassette": "/" + "x" * 5000},
    {"cassette": "relative"},
    {"redact": [5]},
    {"replay_speed": "fast"},
    {"record": "sometimes"},
    {"label": 5},
    {"label": "a\nb"},
    {"label": "x" * 81},
)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_scope_that_cannot_be_meant_is_refused_by_name(
    bridge: Bridge, wrong: dict[str, Any]
) -> None:
    status, told, _ = ask(bridge, "/v1/scopes", {"label": "wrong", **wrong})
    assert (status, told["error"]["param"]) == (400, next(iter(wrong)))
    assert ask(bridge, "/v1/scopes/wrong", method="DELETE")[0] == 404


def test_a_bridge_that_is_asked_nothing_starts_no_claude_and_needs_no_login(
    tmp_path: Path,
) -> None:
    environment = sealed(tmp_path)
    with Bridge(on_demand=True, environment=environment, scopes=None) as bridge:
        assert bridge.models()
        assert bridge.paid_by == "replay"
        with pytest.raises(AnswerError, match="no Claude login was found") as raised:
            bridge.complete("hello")
        assert raised.value.code == "claude_login_required"
        with pytest.raises(AnswerError, match="has no scopes"), bridge.scope("any"):
            pass
    assert not os.listdir(tmp_path / "home")
