"""What a block of Vault gives, and when what is asked: logins, renewals, leases, over a Vault in memory and a clock
that is moved by hand."""

import base64
import json
from typing import Any

import pytest
from aiohttp import web

from scaler.credentials.blocks import HashiCorpVault
from scaler.credentials.store import Fetched, Per, Where
from scaler.credentials.vault.room import ROOM, fetch
from scaler.errors import CredentialError, ScalerError, SourceError
from tests.credentials.tools import EPOCH, Accounts, Clock, tools
from tests.credentials.vault.fake import FakeVault, over_http
from tests.sdk.servers import serving

AT = "spec.hashiCorpVault"
PASSWORD = {"parameter": "password", "path": "secret/data/orders", "key": "password"}
TOKEN = "auth/token/lookup-self"


def jwt(subject: str = "system:serviceaccount:keda:keda", audience: Any = "https://kubernetes.default.svc") -> str:
    def part(claims: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'sub': subject, 'aud': audience})}.hush"


def block(*secrets: Any, **more: Any) -> HashiCorpVault:
    written = {
        "address": "http://vault.test/",
        "authentication": "token",
        "credential": {"token": "given"},
        "secrets": list(secrets) or [PASSWORD],
    }
    return HashiCorpVault.model_validate({**written, **more})


def by_account(*secrets: Any, **credential: Any) -> HashiCorpVault:
    return block(*secrets, authentication="kubernetes", mount="k8s", role="keda", credential=credential or None)


class Scene:
    """One block's fetches, with the memory that `stores.py` would keep for it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.vault = FakeVault(self.clock)
        self.vault.issue("given")
        self.vault.secrets["secret/data/orders"] = {"data": {"password": "two", "user": "me"}, "metadata": {}}
        self.vault.secrets["old/orders"] = {"password": "one", "port": 5672}
        self.vault.roles["keda"] = jwt()
        self.accounts = Accounts(("shop", "reader"))
        self.memory: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.show_own_token = True
        self.files = {"/var/run/secrets/kubernetes.io/serviceaccount/token": jwt() + "\n"}

    async def fetch(self, given: HashiCorpVault, where: Where = Where("keda", "shop")) -> Fetched:  # noqa: B008  # frozen
        return await fetch(
            given,
            AT,
            tools(
                where,
                ask=self.vault,
                token=self.accounts,
                file=self.file,
                now=self.clock,
                show_own_token=self.show_own_token,
                environment=self.environment,
                memory=self.memory,
            ),
        )

    async def file(self, path: str) -> str:
        if path not in self.files:
            raise CredentialError(f"the file {path} is not within /var/run/secrets, others may not be read")
        return self.files[path]

    async def refused(self, given: HashiCorpVault) -> str:
        with pytest.raises(ScalerError) as raised:
            await self.fetch(given)
        assert isinstance(raised.value, CredentialError)
        assert not any(secret in str(raised.value) for secret in ("hush", "given", "own", "hvs.", "two"))
        return str(raised.value)

    def asked(self) -> list[str]:
        found = [path for _, path in self.vault.log]
        self.vault.log.clear()
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ({"type": ""}, "two"),
        ({"type": "secretV2"}, "two"),
        ({"type": "", "path": "old/orders"}, "one"),
        ({"type": "secret", "path": "old/orders"}, "one"),
        ({"type": "", "path": "/old/orders/"}, "one"),
        (
            {"type": "pki", "path": "pki/issue/web", "key": "certificate", "pkiData": {"commonName": "a.test"}},
            "CERT 1 a.test",
        ),
        ({"type": "pki", "path": "pki/issue/web", "key": "ca_chain"}, "CA 1\nCA 2"),
    ],
)
async def test_every_type(scene: Scene, secret: Any, value: str) -> None:
    assert (await scene.fetch(block({**PASSWORD, **secret}))).values == {"password": value}


async def test_what_a_certificate_is_asked_for_with(scene: Scene) -> None:
    """In Vault's spelling, not the manifest's."""
    pki = {
        "commonName": "a",
        "altNames": "b",
        "ipSans": "c",
        "uriSans": "d",
        "otherSans": "e",
        "ttl": "1h",
        "format": "pem",
    }
    await scene.fetch(
        block({"parameter": "cert", "path": "pki/issue/web", "key": "certificate", "type": "pki", "pkiData": pki})
    )
    assert scene.vault.sent[-1] == {
        "common_name": "a",
        "alt_names": "b",
        "ip_sans": "c",
        "uri_sans": "d",
        "other_sans": "e",
        "ttl": "1h",
        "format": "pem",
    }


async def test_equal_paths_are_asked_for_once(scene: Scene) -> None:
    """A certificate and its key must be of one pair."""
    pki = {"path": "pki/issue/web", "type": "pki", "pkiData": {"commonName": "a"}}
    found = await scene.fetch(
        block(
            PASSWORD,
            {**PASSWORD, "parameter": "username", "key": "user"},
            {**pki, "parameter": "cert", "key": "certificate"},
            {**pki, "parameter": "key", "key": "private_key"},
        )
    )
    assert found.values == {"password": "two", "username": "me", "cert": "CERT 1 a", "key": "KEY 1"}
    assert scene.asked() == [TOKEN, "secret/data/orders", "pki/issue/web"]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ({"path": "secret/data/none"}, "there is no secret secret/data/none in http://vault.test"),
        ({"key": "none"}, "the secret secret/data/orders in Vault has no key none"),
        ({"path": "old/orders", "key": "port"}, "the secret old/orders in Vault has no text under port"),
        ({"path": "old/orders", "type": "secretV2"}, "is none of the version 2 of the key-value engine"),
        ({"path": "secret/data/orders", "type": "secret"}, "has no key password"),
        ({"path": "secret/../sys/raw"}, "there is no secret secret/../sys/raw"),
        ({"path": "pki/issue/web", "type": "pki", "key": "none"}, "has no key none"),
    ],
)
async def test_what_cannot_be_had_is_named(scene: Scene, secret: Any, words: str) -> None:
    """KEDA goes on with an empty value."""
    said = await scene.refused(block(PASSWORD, {**PASSWORD, **secret}))
    assert said.startswith(f"{AT}.secrets[1]: ")
    assert words in said


async def test_a_path_cannot_become_a_query(scene: Scene) -> None:
    await scene.refused(block({**PASSWORD, "path": "secret/data/orders?version=1#x"}))
    assert scene.asked()[-1] == "secret/data/orders?version=1#x"


# ------------------------------------------------------------------------------------------------------- given a token


async def test_the_daemons_token_goes_before_the_manifests(scene: Scene) -> None:
    scene.environment["VAULT_TOKEN"] = "own"
    assert (await scene.refused(block())).endswith("does not accept the token (HTTP 403)")
    scene.vault.issue("own")
    await scene.fetch(block(credential=None))


async def test_the_daemons_token_is_shown_to_its_own_vault_alone(scene: Scene) -> None:
    """Where the daemon is told which that is: whoever writes an authentication could else have it sent anywhere."""
    scene.environment.update({"VAULT_TOKEN": "own", "VAULT_ADDR": "https://vault.home"})
    await scene.fetch(block())
    scene.memory.clear()
    assert "VAULT_ADDR alone" in await scene.refused(block(credential=None))
    scene.environment["VAULT_ADDR"] = "http://vault.test"
    scene.memory.clear()
    scene.vault.issue("own")
    await scene.fetch(block(credential=None))


async def test_no_token_at_all(scene: Scene) -> None:
    assert "is required, the daemon has no VAULT_TOKEN" in await scene.refused(block(credential=None))


async def test_a_namespace_is_told_to_vault(scene: Scene) -> None:
    scene.vault.namespace = "team"
    await scene.fetch(block(namespace="team"))
    scene.memory.clear()
    scene.environment["VAULT_NAMESPACE"] = "team"
    await scene.fetch(block())


async def test_a_certificate_that_need_not_be_checked(scene: Scene) -> None:
    await scene.fetch(block())
    scene.environment["VAULT_SKIP_VERIFY"] = "true"
    await scene.fetch(block())
    assert set(scene.vault.verified[:2]) == {True}
    assert scene.vault.verified[-1] is False


async def test_a_given_token_that_ends_is_renewed(scene: Scene) -> None:
    scene.vault.issue("given", 200)
    found = await scene.fetch(block())
    assert found.until == EPOCH + 100
    scene.asked()
    scene.clock.at += 100
    found = await scene.fetch(block())
    assert scene.asked() == ["auth/token/renew-self", "secret/data/orders"]
    assert found.until == EPOCH + 200
    scene.clock.at += 50
    await scene.fetch(block())
    assert scene.asked() == ["secret/data/orders"]


async def test_a_token_without_an_end_sets_none(scene: Scene) -> None:
    assert (await scene.fetch(block())).until is None


# --------------------------------------------------------------------------------------------------- by service account


async def test_the_pods_own_token(scene: Scene) -> None:
    found = await scene.fetch(by_account())
    assert found.values == {"password": "two"}
    assert scene.asked() == ["auth/k8s/login", "secret/data/orders"]
    assert scene.vault.sent[0] == {"role": "keda", "jwt": jwt()}


async def test_a_token_of_an_account_in_the_objects_namespace(scene: Scene) -> None:
    """Also for a cluster-wide authentication, whose Secrets are elsewhere (KEDA behaviour 2.2)."""
    scene.vault.roles["keda"] = "shop/reader 1"
    await scene.fetch(by_account(serviceAccountName="reader"))
    assert scene.accounts.asked == [("shop", "reader", "", 3600)]
    assert ROOM.per(by_account(serviceAccountName="reader")) is Per.HOME
    assert ROOM.per(by_account()) is ROOM.per(block()) is Per.NAMESPACE


async def test_an_account_that_is_not_there(scene: Scene) -> None:
    said = await scene.refused(by_account(serviceAccountName="writer"))
    assert said == f"{AT}.credential.serviceAccountName: there is no service account shop/writer"


@pytest.mark.parametrize("missing", ["mount", "role"])
async def test_what_kubernetes_needs(scene: Scene, missing: str) -> None:
    given = block(authentication="kubernetes", **{**{"mount": "k8s", "role": "keda"}, missing: ""})
    assert await scene.refused(given) == f"{AT}.{missing}: is required for the authentication kubernetes"


async def test_a_login_that_is_refused(scene: Scene) -> None:
    scene.vault.roles.clear()
    said = await scene.refused(by_account())
    assert said == f"{AT}: http://vault.test does not accept the service account for role keda (HTTP 403)"


async def test_a_login_is_kept_renewed_and_had_anew_when_it_is_as_old_as_it_may_be(scene: Scene) -> None:
    scene.vault.token_life, scene.vault.token_age = 600, 1000
    logins = renewals = 0
    for _ in range(60):
        found = await scene.fetch(by_account())
        assert found.values == {"password": "two"}
        asked = scene.asked()
        logins += asked.count("auth/k8s/login")
        renewals += asked.count("auth/token/renew-self")
        scene.clock.at = found.until or scene.clock.at + 300
        if scene.clock.at > EPOCH + 5000:
            break
    assert 3 <= logins <= 8
    assert 3 <= renewals <= 24


async def test_a_login_that_cannot_be_renewed_is_had_anew(scene: Scene) -> None:
    scene.vault.renewable, scene.vault.token_life = False, 400
    assert (await scene.fetch(by_account())).until == EPOCH + 200
    scene.clock.at += 200
    await scene.fetch(by_account())
    assert scene.asked().count("auth/k8s/login") == 2


async def test_a_login_that_was_revoked_is_had_anew_at_once(scene: Scene) -> None:
    await scene.fetch(by_account())
    scene.vault.tokens.clear()
    scene.asked()
    assert (await scene.fetch(by_account())).values == {"password": "two"}
    assert scene.asked() == ["secret/data/orders", TOKEN, "auth/k8s/login", "secret/data/orders"]


async def test_a_path_that_may_not_be_read_costs_no_login_and_no_lease(scene: Scene) -> None:
    """Each attempt would make another user in the database."""
    scene.vault.dynamic["database/creds/orders"] = 3600.0
    given = by_account({"parameter": "username", "path": "database/creds/orders", "key": "username"}, PASSWORD)
    await scene.fetch(given)
    scene.asked()
    scene.vault.denied.add("secret/data/orders")
    for _ in range(3):
        assert "may not be read with this login" in await scene.refused(given)
    assert scene.asked() == ["secret/data/orders", TOKEN] * 3
    scene.vault.denied.clear()
    assert (await scene.fetch(given)).values["username"] == "user-2"


async def test_a_vault_that_is_away_is_no_refusal(scene: Scene) -> None:
    await scene.fetch(by_account())
    scene.vault.down = True
    with pytest.raises(SourceError):
        await scene.fetch(by_account())


# ---------------------------------------------------------------------------------- the file that is shown (the CVE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("root:x:0:0:hush", "holds no service account's token"),
        ("a.b.c", "holds no service account's token"),
        ("", "holds no service account's token"),
        (jwt("somebody"), "holds no service account's token"),
        (jwt(audience="sts.amazonaws.com"), "holds the daemon's token for a cloud"),
        (jwt(audience=["api://AzureADTokenExchange"]), "holds the daemon's token for a cloud"),
        (jwt(audience="//iam.googleapis.com/projects/1/locations/global"), "holds the daemon's token for a cloud"),
        ("x." + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".x", "holds no service account's token"),
    ],
)
async def test_what_is_no_token_for_a_vault_is_not_shown(scene: Scene, text: str, words: str) -> None:
    scene.files["/var/run/secrets/other"] = text
    said = await scene.refused(by_account(serviceAccount="/var/run/secrets/other"))
    assert said == f"{AT}.credential.serviceAccount: /var/run/secrets/other {words}"
    assert scene.asked() == []


async def test_another_file_is_not_even_read(scene: Scene) -> None:
    said = await scene.refused(by_account(serviceAccount="/etc/shadow"))
    outside = "the file /etc/shadow is not within /var/run/secrets, others may not be read"
    assert said == f"{AT}.credential.serviceAccount: {outside}"
    said = await scene.refused(by_account(serviceAccount="token"))
    assert "must be the absolute path" in said
    assert scene.asked() == []


FILE = f"{AT}.credential.serviceAccount"


async def test_the_pods_own_token_is_shown_to_its_own_vault_alone(scene: Scene) -> None:
    """Where the daemon is told which that is; as with `VAULT_TOKEN`."""
    scene.environment["VAULT_ADDR"] = "https://vault.home"
    said = await scene.refused(by_account())
    assert said == f"{FILE}: the daemon's token is for the Vault of VAULT_ADDR alone: name a serviceAccountName"
    assert scene.asked() == []
    scene.vault.roles["keda"] = "shop/reader 1"
    await scene.fetch(by_account(serviceAccountName="reader"))
    scene.memory.clear()
    scene.vault.roles["keda"] = jwt()
    scene.environment["VAULT_ADDR"] = "http://vault.test/"
    await scene.fetch(by_account())


async def test_the_pods_own_token_may_be_shown_to_no_vault_of_a_namespaces_choice(scene: Scene) -> None:
    """Whoever gets it can do what the daemon can, and a namespace names any host."""
    scene.show_own_token = False
    said = await scene.refused(by_account())
    assert said.startswith(f"{FILE}: the daemon's token goes to no Vault that a namespace chooses")
    assert said.endswith("name a serviceAccountName")
    assert scene.asked() == []
    await scene.fetch(by_account(), Where("keda", "shop", shared=True))
    scene.memory.clear()
    scene.environment["VAULT_ADDR"] = "http://vault.test"
    await scene.fetch(by_account())


# -------------------------------------------------------------------------------------------------------------- leases


async def test_a_lease_is_kept_and_renewed(scene: Scene) -> None:
    """Reading it anew would make another user in the database every few minutes."""
    scene.vault.dynamic["database/creds/orders"] = 100.0
    given = block({"parameter": "username", "path": "database/creds/orders", "key": "username"})
    found = await scene.fetch(given)
    assert (found.values, found.until) == ({"username": "user-1"}, EPOCH + 50)
    for _ in range(10):
        scene.clock.at = found.until or 0.0
        found = await scene.fetch(given)
        assert found.values == {"username": "user-1"}
    assert [path for path in scene.asked() if path != TOKEN] == ["database/creds/orders", *["sys/leases/renew"] * 10]


async def test_a_lease_that_is_as_old_as_it_may_be_is_followed_by_another_in_time(scene: Scene) -> None:
    scene.vault.dynamic["database/creds/orders"], scene.vault.lease_age = 100.0, 220.0
    given = block({"parameter": "username", "path": "database/creds/orders", "key": "username"})
    found, seen = await scene.fetch(given), []
    while scene.clock.at < EPOCH + 600:
        scene.clock.at = max(found.until or 0.0, scene.clock.at + 10)
        for lease, held in scene.vault.leases.items():
            if found.values["username"] == f"user-{lease.rpartition('/')[2]}":
                assert scene.clock.at <= held.until, "never used after its end"
        found = await scene.fetch(given)
        seen.append(found.values["username"])
    assert len(set(seen)) >= 3


async def test_leases_end_with_their_login(scene: Scene) -> None:
    scene.vault.dynamic["database/creds/orders"] = 100.0
    given = by_account({"parameter": "username", "path": "database/creds/orders", "key": "username"})
    first = await scene.fetch(given)
    scene.vault.tokens.clear()
    scene.vault.leases.clear()
    scene.clock.at = first.until or 0.0
    second = await scene.fetch(given)
    assert first.values != second.values
    assert scene.vault.leases


async def test_a_certificate_is_had_anew_at_half_its_life(scene: Scene) -> None:
    given = block({"parameter": "cert", "path": "pki/issue/web", "key": "certificate", "type": "pki"})
    first = await scene.fetch(given)
    assert first.until is None
    scene.clock.at += 3590
    assert await scene.fetch(given) == Fetched(first.values, EPOCH + 3600)
    scene.clock.at += 10
    assert (await scene.fetch(given)).values != first.values


# ---------------------------------------------------------------------------------------------------------- over HTTP


async def test_the_same_over_http(scene: Scene) -> None:
    """As it leaves: the path is quoted, the namespace and the token are headers, what comes back is read."""
    scene.vault.namespace = "team"
    scene.vault.secrets["secret/data/a b"] = {"data": {"password": "three"}}
    async with over_http(scene.vault) as url:
        given = block(
            PASSWORD, {**PASSWORD, "parameter": "other", "path": "secret/data/a b"}, address=url, namespace="team"
        )
        found = await fetch(given, AT, tools(now=scene.clock, memory=scene.memory))
        assert found.values == {"password": "two", "other": "three"}
        with pytest.raises(CredentialError, match=r"secrets\[1\]: there is no secret nowhere in http://127"):
            await fetch(
                block(PASSWORD, {**PASSWORD, "path": "nowhere"}, address=url, namespace="team"),
                AT,
                tools(now=scene.clock),
            )
    with pytest.raises(SourceError, match="cannot be reached"):
        await fetch(given, AT, tools(now=scene.clock))


async def test_what_is_no_vault() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text='["hush"]')

    async with serving(page) as url:
        with pytest.raises(ScalerError, match="something else than Vault") as raised:
            await fetch(block(address=url), AT, tools())
        assert "hush" not in str(raised.value)
