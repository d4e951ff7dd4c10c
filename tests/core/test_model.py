"""Values are values: equal when alike, hashable, not to be changed, and writable as JSON."""

import dataclasses

import msgspec

from scaler.core import model
from scaler.core.model import Backlog, Decision, Fallback, Goal, Pause, Spec, State, Value, Why


def spec() -> Spec:
    return Spec("shop/orders", (Goal("s0-queue", 5.0),), fallback=Fallback(3, 6), pause=Pause(full=True, replicas=2))


def test_alike_is_equal_and_hashable() -> None:
    assert spec() == spec()
    assert len({spec(), spec()}) == 1
    assert hash(Decision(1, Why.ACTIVATED)) == hash(Decision(1, Why.ACTIVATED))


def test_every_noun_is_frozen_and_slotted() -> None:
    nouns = [noun for noun in vars(model).values() if dataclasses.is_dataclass(noun) and isinstance(noun, type)]
    assert len(nouns) > 20
    for noun in nouns:
        assert vars(noun)["__dataclass_params__"].frozen, noun
        assert "__slots__" in vars(noun), noun


def test_objects_and_readings_can_be_recorded() -> None:
    value = Value("s0-queue", 7.0, True, 1.0, backlog=Backlog(5.0, in_flight=2.0, value=7.0))
    for noun in (spec(), value, State(last_active=1.0), Decision(1, Why.ACTIVATED)):
        assert msgspec.json.decode(msgspec.json.encode(noun), type=type(noun)) == noun


def test_a_backlog_counts_what_is_ready_unless_the_scaler_says_otherwise() -> None:
    assert Backlog(5.0, in_flight=2.0).counted == 5.0
    assert Backlog(5.0, in_flight=2.0, value=7.0).counted == 7.0


def test_every_outcome_is_a_sentence_of_its_own() -> None:
    sentences = [why.value for why in Why]
    assert len(set(sentences)) == len(sentences)
    assert not [sentence for sentence in sentences if sentence[0].isupper() or sentence.endswith(".")]
