"""`cpu` and `memory` are left to the HPA: nothing is asked, nothing is known, and nothing is done about it."""

from scaler.core.model import Goal, Mode, Value, Why
from scaler.kubernetes.usage import LeftToHpa
from scaler.manifests.watched import Ref, Trigger
from scaler.sdk.scaler import Usage
from scalers.cpu import Cpu
from tests.core.story import Story, spec

CPU = Goal("cpu", 60.0, resource="cpu")


async def test_every_question_has_no_samples_for_an_answer() -> None:
    async with LeftToHpa().open() as connection:
        assert await connection.fetch(["a", "b"]) == [Usage(()), Usage(())]
        assert await connection.fetch([]) == []


def test_it_is_one_source_for_everybody() -> None:
    assert LeftToHpa() == LeftToHpa()
    assert str(LeftToHpa()) == "the HPA"


async def test_only_the_hpa_can_know_what_comes_of_it() -> None:
    source = LeftToHpa()
    target = Ref("Deployment", "shop", "worker")
    trigger = Trigger(0, "cpu", Cpu(value="60"), source, ("cpu", target), (CPU,))
    async with source.open() as connection:
        [answer] = await connection.fetch([trigger.query])
    readings = trigger.read(answer, None, 0.0)
    assert readings == (Value("cpu", 0.0, None, 0.0),)
    story = Story(spec(CPU, mode=Mode.HPA), replicas=3).hear(*readings)
    story.expect(None, Why.LEFT_TO_HPA)
