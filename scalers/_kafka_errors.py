"""Every way in which Kafka can fail, as one sentence of our own: aiokafka's messages quote what brokers and we said."""

import socket
import ssl

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    for_code,
)

from scaler.sdk import AnswerError, LoginError, SourceError
from scalers._kafka_login import Login

UNKNOWN_TOPIC = 3
NO_LEADER = 5
OTHER_NAME = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH


class Passing(SourceError):
    """What a second look may mend: a leader or a coordinator has moved, a connection was closed."""


class Silent(SourceError):
    """No answer in time."""


class Refused(LoginError):
    """The credentials are not accepted: showing them to the other brokers too would only lock the account."""


_PASSING = {
    NO_LEADER: "has no leader at the moment",
    6: "has moved to another broker",
    9: "has no replica where it should be",
    14: "is still being loaded by its coordinator",
    15: "has no coordinator at the moment",
    16: "has moved to another coordinator",
    74: "has moved to another broker",
    75: "has moved to another broker",
    78: "has a leader that does not know its end yet",
}
_LASTING = {
    UNKNOWN_TOPIC: "does not exist",
    17: "has no valid name",
    24: "has no valid name",
    29: "may not be described with these credentials",
    30: "may not be described with these credentials",
    31: "may not be described with these credentials",
}


def failure(what: str, code: int) -> SourceError:
    """Kafka's error code about a topic, a group or a partition."""
    if code in _PASSING:
        return Passing(f"{what} {_PASSING[code]}")
    if code in _LASTING:
        return AnswerError(f"{what} {_LASTING[code]}")
    known = for_code(code)
    return AnswerError(f"{what}: Kafka error {code}{f' ({known.message})' if known.errno == code else ''}")


def partition_failure(topic: str, number: int, code: int) -> SourceError:
    """The same about a partition that the brokers have just named: where one does not know it, it has moved."""
    what = f"partition {number} of topic {topic}"
    return Passing(f"{what} has moved to another broker") if code == UNKNOWN_TOPIC else failure(what, code)


def no_connection(broker: str, error: BaseException, login: Login | None, tls: bool) -> SourceError:
    """Why there is no connection."""
    match error:
        case SourceError():
            return error
        case ssl.SSLCertVerificationError(verify_code=code) if code in OTHER_NAME:
            return SourceError(f"the TLS certificate of {broker} is made out to another name")
        case ssl.SSLCertVerificationError():
            return SourceError(f"the TLS certificate of {broker} is not trusted")
        case (ssl.SSLError() as told) | KafkaConnectionError(__cause__=ssl.SSLError() as told):
            kind = LoginError if _is_about_us(told) else SourceError
            return kind(f"{broker} does not speak TLS on this port, or refuses the client's certificate")
        case TimeoutError():
            return Silent(f"{broker} does not answer")
        case socket.gaierror():
            return SourceError(f"the name of {broker} cannot be resolved")
        case SaslAuthenticationFailed() if login:
            return Refused(f"{broker} refuses the login: wrong user or {login.shown}")
        case UnsupportedSaslMechanismError() if login:
            return Refused(f"{broker} does not offer the login {login.mechanism}")
        case IllegalSaslStateError():
            return Refused(f"{broker} asks for no login on this port")
        case KafkaConnectionError() | ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return closed(broker, login, tls)
        case OSError():
            return SourceError(f"{broker} cannot be reached")
    return SourceError(f"{broker} does not answer as a Kafka broker does")


def _is_about_us(error: ssl.SSLError) -> bool:
    """Whether this is the other side's alert about the certificate that we showed, or lack."""
    alert = error.reason or ""
    return "ALERT" in alert and ("CERTIFICATE" in alert or alert.endswith(("UNKNOWN_CA", "ACCESS_DENIED")))


def closed(broker: str, login: Login | None, tls: bool) -> SourceError:
    """A connection that ended before it was of any use."""
    lacking = " or ".join([*(() if tls else ("TLS",)), *(() if login else ("a login",))])
    return SourceError(f"{broker} closed the connection{f'; it may want {lacking}' if lacking else ''}")
