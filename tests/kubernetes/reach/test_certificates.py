"""Where certificates are kept: one Secret for all replicas, which the leader renews, or files of somebody else's."""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ClusterError, NotLeading, SettingsError
from scaler.kubernetes.api import Request
from scaler.kubernetes.reach.authority import DAY, names_of
from scaler.kubernetes.reach.certificates import LOOK, LOOK_AT_FILES, LOOK_SOON, GivenCertificates, OwnCertificates
from scaler.kubernetes.reach.rotation import SETTLES, usable
from tests.kubernetes.fake_api import FakeApi, unreachable
from tests.rig.certificates import Authority, Pair

pytestmark = [pytest.mark.looptime]

NOW = 1_767_225_600.0
SECRET = "/api/v1/namespaces/keda/secrets/event-scaler-certs"
NAMES = names_of(["metrics"], "keda")


class World:
    """The Secret, and a clock that a test sets. `clients` are the replicas' ways to the API server, in their order."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.clients: list[FakeApi] = []
        self.now = NOW

    def replica(self) -> OwnCertificates:
        self.clients.append(api := self.api.beside())
        return OwnCertificates(api, "keda", "event-scaler-certs", names=NAMES, clock=lambda: self.now)

    async def leader(self) -> OwnCertificates:
        """A replica that leads, and has seen to the Secret."""
        made = self.replica()
        await made.load()
        await made.renew(self.api)
        return made

    @property
    def texts(self) -> dict[str, str]:
        data: dict[str, str] = self.api.objects[SECRET]["data"]
        return {key: b64decode(text).decode() for key, text in data.items()}

    def put(self, **texts: str) -> None:
        """The keys with a dash for each dot."""
        data = {key.replace("_", "."): b64encode(text.encode()).decode() for key, text in texts.items()}
        self.api.put(SECRET, {"kind": "Secret", "type": "Opaque", "data": data})


@pytest.fixture
def world() -> World:
    return World()


async def test_a_missing_secret_is_made_with_kedas_keys(world: World) -> None:
    one = await world.leader()
    assert world.texts.keys() == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    assert world.api.objects[SECRET]["type"] == "Opaque"
    assert one.current().certificate == world.texts["tls.crt"]
    assert one.current().key == world.texts["tls.key"]
    assert one.bundle() == world.texts["ca.crt"]


async def test_who_does_not_lead_makes_no_secret_but_can_listen(world: World) -> None:
    one = world.replica()
    await one.load()
    assert usable(one.current(), NOW)
    reading = asyncio.create_task(one.run())
    await asyncio.sleep(3 * LOOK)
    reading.cancel()
    assert usable(one.current(), NOW)
    assert SECRET not in world.api.objects
    assert world.clients[0].writes == []


async def test_who_does_not_lead_takes_what_the_leader_has_made(world: World) -> None:
    """Also where that was after its own start."""
    other = world.replica()
    await other.load()
    reading = asyncio.create_task(other.run())
    one = await world.leader()
    assert one.current() != other.current()
    await asyncio.sleep(LOOK_SOON + 1)
    assert one.current() == other.current()
    reading.cancel()
    assert one.bundle() == other.bundle()


async def test_of_two_that_make_it_at_once_the_first_is_believed(world: World) -> None:
    one, other = world.replica(), world.replica()
    await one.load()
    await other.load()

    async def overtaken(request: Request) -> None:
        if request.method == "POST":
            await other.renew(world.clients[1])

    world.clients[0].trouble = overtaken
    await one.renew(world.clients[0])
    assert one.current() == other.current()
    assert one.current().certificate == world.texts["tls.crt"]


async def test_an_empty_secret_is_filled(world: World) -> None:
    world.api.put(SECRET, {"kind": "Secret", "metadata": {"labels": {"made-by": "a chart"}}})
    one = await world.leader()
    assert one.current().certificate == world.texts["tls.crt"]
    assert world.api.objects[SECRET]["metadata"]["labels"] == {"made-by": "a chart"}


async def test_what_is_there_is_used_and_not_written(world: World) -> None:
    await world.leader()
    before = dict(world.api.objects[SECRET])
    await world.leader()
    assert world.api.objects[SECRET] == before


async def test_only_the_leader_renews_and_others_hear_of_it(world: World) -> None:
    leader, other = await world.leader(), world.replica()
    await other.load()
    before = leader.current()
    world.now += 300 * DAY
    reading = asyncio.create_task(other.run())
    await asyncio.sleep(LOOK + 1)
    assert other.current() == before
    await leader.renew(world.api)
    assert leader.current() != before
    await asyncio.sleep(LOOK + 1)
    assert other.current() == leader.current()
    reading.cancel()


async def test_nothing_is_renewed_by_who_does_not_lead(world: World) -> None:
    one = await world.leader()
    before = world.texts
    world.now += 300 * DAY

    def fence() -> None:
        raise NotLeading("it does not lead")

    with pytest.raises(NotLeading):
        await one.renew(world.api.fenced(fence))
    assert world.texts == before


async def test_old_and_new_authority_are_published_together_and_the_old_one_goes(world: World) -> None:
    one = await world.leader()
    former = one.bundle()
    world.put(**{key.replace(".", "_"): text for key, text in {**world.texts, "ca.key": "lost"}.items()})
    await one.load()
    await one.renew(world.api)
    assert former in one.bundle()
    assert one.bundle() == world.texts["ca.crt"] + former
    assert world.texts["ca-old.crt"] == former
    world.now += SETTLES
    await one.renew(world.api)
    world.now += SETTLES
    await one.renew(world.api)
    assert "ca-old.crt" not in world.texts
    assert one.bundle() == world.texts["ca.crt"] != former


async def test_another_replica_goes_on_with_a_rotation(world: World) -> None:
    one = await world.leader()
    world.put(**{key.replace(".", "_"): text for key, text in {**world.texts, "ca.key": "lost"}.items()})
    await one.load()
    await one.renew(world.api)
    other = world.replica()
    await other.load()
    assert other.bundle() == one.bundle()
    world.now += SETTLES
    await other.renew(world.api)
    assert other.current() != one.current()


async def test_who_has_not_read_the_latest_does_not_write_over_it(world: World) -> None:
    one, other = await world.leader(), world.replica()
    await other.load()
    world.now += 300 * DAY
    await other.renew(world.api)
    await one.renew(world.api)
    assert one.current() == other.current()
    assert one.current().certificate == world.texts["tls.crt"]


async def test_a_deleted_secret_comes_back_without_anybody_meeting_an_unknown_certificate(world: World) -> None:
    one = await world.leader()
    served, bundle = one.current(), one.bundle()
    world.api.remove(SECRET)
    await one.load()
    assert SECRET not in world.api.objects
    for _ in range(2):
        await one.renew(world.api)
        await one.load()
    assert one.current() == served
    assert bundle in one.bundle()
    assert world.texts["ca.crt"] != bundle


async def test_a_secret_of_somebody_else_is_only_read(world: World, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("metrics")
    world.put(tls_crt=pair.certificate.read_text(), tls_key=pair.key.read_text(), ca_crt="theirs")
    before = dict(world.api.objects[SECRET])
    one = world.replica()
    await one.load()
    await one.renew(world.api)
    world.now += 4000 * DAY
    await one.load()
    assert world.api.objects[SECRET] == before
    assert one.current().certificate == pair.certificate.read_text()
    assert one.bundle() == "theirs\n"


async def test_while_the_secret_cannot_be_read_the_last_one_stays(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    one = await world.leader()
    before = one.current()
    world.clients[0].trouble = unreachable
    with caplog.at_level(logging.INFO):
        reading = asyncio.create_task(one.run())
        await asyncio.sleep(10 * LOOK)
    assert one.current() == before
    assert [line for line in caplog.messages if "stays as it is" in line] == [
        "the serving certificate stays as it is: the API server cannot be reached"
    ]
    world.clients[0].trouble = None
    await asyncio.sleep(LOOK + 1)
    assert not reading.done()
    reading.cancel()


async def test_without_a_secret_at_the_start_there_is_an_error(world: World) -> None:
    world.api.trouble = unreachable
    one = OwnCertificates(world.api, "keda", "event-scaler-certs", names=NAMES, clock=lambda: NOW)
    with pytest.raises(ClusterError):
        await one.load()


async def test_keys_are_not_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        one = await world.leader()
        world.now += 300 * DAY
        await one.renew(world.api)
    assert "PRIVATE" not in caplog.text
    assert "PRIVATE" not in repr(one.current())


# ---------------------------------------------------------------------------------------------------------------- files


class Files:
    """As a Secret is mounted: the files are links through `..data`, which is swapped at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serial = 0
        self.authority = Authority(folder, "authority")
        for name in ("tls.crt", "tls.key", "ca.crt"):
            (folder / name).symlink_to(f"..data/{name}")

    def show(self, pair: Pair, **other: str) -> None:
        self._serial += 1
        into = self._folder / f"..{self._serial}"
        into.mkdir()
        texts = {"tls.crt": pair.certificate.read_text(), "tls.key": pair.key.read_text(), "ca.crt": "an authority\n"}
        for name, text in {**texts, **other}.items():
            (into / name).write_text(text)
        (self._folder / "..new").symlink_to(into.name)
        (self._folder / "..new").replace(self._folder / "..data")

    def given(self, *, authority: bool = True) -> GivenCertificates:
        certificate, key = self._folder / "tls.crt", self._folder / "tls.key"
        return GivenCertificates(certificate, key, self._folder / "ca.crt" if authority else None)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def test_files_are_used_as_they_are(files: Files) -> None:
    pair = files.authority.issue("one")
    files.show(pair)
    one = files.given()
    await one.load()
    assert one.current().certificate == pair.certificate.read_text()
    assert one.current().key == pair.key.read_text()
    assert one.bundle() == "an authority\n"


async def test_without_an_authority_nobody_is_told_whom_to_trust(files: Files) -> None:
    files.show(files.authority.issue("one"))
    one = files.given(authority=False)
    await one.load()
    assert one.bundle() == ""


async def test_new_files_are_noticed(files: Files) -> None:
    files.show(files.authority.issue("one"))
    one = files.given()
    await one.load()
    reading = asyncio.create_task(one.run())
    second = files.authority.issue("two")
    files.show(second)
    await until(lambda: one.current().certificate == second.certificate.read_text())
    reading.cancel()


async def test_files_that_do_not_belong_together_leave_the_last_ones(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = files.authority.issue("one"), files.authority.issue("two")
    files.show(first)
    one = files.given()
    await one.load()
    reading = asyncio.create_task(one.run())
    files.show(first, **{"tls.key": second.key.read_text()})
    await until(lambda: bool(caplog.messages))
    assert one.current().certificate == first.certificate.read_text()
    assert "do not belong together" in caplog.text
    files.show(second)
    await until(lambda: one.current().certificate == second.certificate.read_text())
    reading.cancel()


async def until(happened: Callable[[], bool]) -> None:
    """Files are read in real time, beside the loop's."""
    for _ in range(1000):
        if happened():
            return
        await asyncio.sleep(LOOK_AT_FILES)
    pytest.fail("it did not happen")


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"tls.key": "not a key"}, "do not belong together"),
        ({"tls.crt": ""}, "do not belong together"),
        ({"tls.crt": "\N{SNOWMAN}"}, "cannot be read"),
    ],
)
async def test_wrong_files_at_the_start_are_a_wrong_setting(files: Files, texts: dict[str, Any], why: str) -> None:
    files.show(files.authority.issue("one"), **texts)
    with pytest.raises(SettingsError, match=why):
        await files.given().load()


async def test_missing_files_are_a_wrong_setting(files: Files) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        await files.given().load()
