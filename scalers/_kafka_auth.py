"""How a Kafka trigger says where it may be trusted and who it is: the parameters for TLS and SASL, those of both types
and those of `kafka` alone, and the values made from them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from scaler.sdk import AUTH, ENV, METADATA, ClientCredentials, Listed, Pairs, Tls, param, secret
from scalers._aws_identity import AwsIdentity
from scalers._kafka_kerberos import Kerberos
from scalers._kafka_login import Login, OAuth, Password
from scalers._kafka_msk import Msk, is_amazons

PASSWORDS = {"plaintext": "PLAIN", "scram_sha256": "SCRAM-SHA-256", "scram_sha512": "SCRAM-SHA-512"}
BOTH = (METADATA, AUTH)
ANYWHERE = (AUTH, METADATA, ENV)


class KafkaAccess(AwsIdentity):
    """What both types have."""

    tls: str = param("Whether to connect by TLS.", default="disable", choices=("enable", "disable"), places=BOTH)
    ca: str = param(
        "Certificates of the authorities to trust, in PEM, beside those of the system.", default="", places=(AUTH,)
    )
    cert: str = param("Certificate to show to the brokers, in PEM; with `key`.", default="", places=(AUTH,))
    key: str = secret("Private key of `cert`, in PEM.", default="")
    key_password: str = secret("Password of `key`, where it is encrypted.", default="")
    sasl: str = param("How to log in.", default="none", choices=("none", *PASSWORDS), places=BOTH)
    username: str = param("User, or the id of an OAuth client.", default="", places=(AUTH,))
    password: str = secret("Password, or the OAuth client's secret.", default="")
    aws_region: str = param("Region of the Amazon MSK cluster, for `aws_msk_iam`.", default="")
    aws_access_key_id: str = param(
        "Access key for `aws_msk_iam`, where the TriggerAuthentication has no podIdentity.",
        default="",
        places=ANYWHERE,
        names=("awsAccessKeyID", "awsAccessKeyId"),
    )
    aws_secret_access_key: str = secret("Secret of the access key.", default="", places=(AUTH, ENV))
    aws_session_token: str = secret("Session token of a temporary access key.", default="", places=(AUTH, ENV))

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if self.tls == "enable" and bool(self.cert) != bool(self.key):
            yield ("cert", "is required beside key") if self.key else ("key", "is required beside cert")
        for name, value in self.needs().items():
            if not value:
                yield name, f"is required for this login ({self.how()})"
        if self.how() == "aws_msk_iam" and self.tls != "enable":
            yield "tls", "must be enable for this login (aws_msk_iam)"

    def strangers(self, brokers: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The problem with brokers that the daemon's identity is not shown to."""
        amazons = all(is_amazons(one.rpartition(":")[0] or one) for one in brokers)
        if self.how() == "aws_msk_iam" and self.identified() and not amazons:
            yield "bootstrapServers", f"must be brokers of Amazon MSK with podIdentity {self.pod_identity}"

    def asks_aws(self) -> bool:
        return self.how() == "aws_msk_iam"

    def how(self) -> str:
        """The login that was chosen."""
        return self.sasl

    def needs(self) -> dict[str, str]:
        """What that login cannot do without."""
        if self.how() == "aws_msk_iam":
            key = {"awsAccessKeyID": self.aws_access_key_id, "awsSecretAccessKey": self.aws_secret_access_key}
            return {"awsRegion": self.aws_region, **({} if self.identified() else key)}
        return {"username": self.username, "password": self.password} if self.how() in PASSWORDS else {}

    def login(self) -> Login | None:
        if self.how() == "aws_msk_iam":
            written = (self.aws_access_key_id, self.aws_secret_access_key, self.aws_session_token)
            return Msk(self.aws_region, self.key_source(*written), self.identified())
        return Password(PASSWORDS[self.how()], self.username, self.password) if self.how() in PASSWORDS else None

    def trust(self) -> Tls | None:
        """`None` is a connection without TLS."""
        return Tls(self.ca, self.cert, self.key, self.key_password) if self.tls == "enable" else None


class KafkaSecurity(KafkaAccess):
    """What `kafka` alone has."""

    tls: str = param(
        "Whether to connect by TLS; here or in the TriggerAuthentication, not in both.",
        default="disable",
        choices=("enable", "disable"),
        places=BOTH,
        once=True,
    )
    unsafe_ssl: bool = param("Trust any certificate.", default=False)
    sasl: str = param(
        "How to log in; here or in the TriggerAuthentication, not in both.",
        default="",
        choices=("none", *PASSWORDS, "oauthbearer", "gssapi"),
        places=BOTH,
        once=True,
    )
    sasl_token_provider: str = param(
        "Who makes the tokens of `oauthbearer`: `bearer`, the endpoint `oauthTokenEndpointUri` (so, too, where this is "
        "not given), or `aws_msk_iam`, the daemon itself with an AWS access key.",
        default="",
        choices=("bearer", "aws_msk_iam"),
        places=BOTH,
    )
    scopes: Listed = param("Scopes to ask for in a token.", default=(), places=(AUTH,))
    oauth_token_endpoint_uri: str = param("URL of the OAuth token endpoint.", default="", places=(AUTH,))
    oauth_extensions: Pairs = param("SASL extensions to send with a token.", default=(), places=(AUTH,))
    keytab: str = secret("Kerberos keytab, plain or in base64, instead of `password`.", default="")
    realm: str = param("Kerberos realm.", default="", places=(AUTH,))
    kerberos_config: str = param("Text of a krb5.conf that knows the realm.", default="", places=(AUTH,))
    kerberos_service_name: str = param("Kerberos service; `kafka` unless given.", default="", places=(AUTH,))
    kerberos_disable_fast: bool = param(
        "Accepted and without effect: the Kerberos library itself finds out whether FAST can be had.",
        default=False,
        places=(AUTH,),
        names=("kerberosDisableFAST",),
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if self.sasl == "gssapi" and bool(self.password) == bool(self.keytab):
            yield "password", "or keytab is required for gssapi, and only one of them"

    def how(self) -> str:
        amazon = self.sasl == "oauthbearer" and self.sasl_token_provider == "aws_msk_iam"
        return "aws_msk_iam" if amazon else self.sasl

    def needs(self) -> dict[str, str]:
        match self.how():
            case "oauthbearer":
                endpoint = {"oauthTokenEndpointUri": self.oauth_token_endpoint_uri}
                return {"username": self.username, "password": self.password, **endpoint}
            case "gssapi":
                return {"username": self.username, "realm": self.realm, "kerberosConfig": self.kerberos_config}
        return super().needs()

    def login(self) -> Login | None:
        match self.how():
            case "oauthbearer":
                url, scopes = self.oauth_token_endpoint_uri, self.scopes
                return OAuth(ClientCredentials(url, self.username, self.password, scopes), self.oauth_extensions)
            case "gssapi":
                service = self.kerberos_service_name or "kafka"
                return Kerberos(self.username, self.realm, self.kerberos_config, self.password, self.keytab, service)
        return super().login()

    def trust(self) -> Tls | None:
        return (tls := super().trust()) and replace(tls, verify=not self.unsafe_ssl)
