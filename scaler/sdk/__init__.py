"""Everything a scaler file may import, and the whole public surface for people who write trigger types."""

from scaler.core.model import Backlog, MetricType, Sample
from scaler.core.quantity import parse as quantity
from scaler.declare import (
    AUTH,
    ENV,
    METADATA,
    Declared,
    Duration,
    Listed,
    Pairs,
    QuantityText,
    Ranges,
    UrlPairs,
    activation,
    param,
    secret,
    target,
)
from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk.http import Get, Http, Post, Query, Reply, http_session, refused, what_failed
from scaler.sdk.identity.aws import Lasting, SigV4, role_keys
from scaler.sdk.identity.aws_sts import KeySource
from scaler.sdk.identity.azure import AzureWorkload
from scaler.sdk.identity.google import GoogleToken, daemon_token, key_token
from scaler.sdk.scaler import Aim, Example, Result, Scaler, Usage
from scaler.sdk.signing import Anonymous, ClientCredentials, Fixed, Request, Several, Signer, basic, bearer
from scaler.sdk.sigv4 import Keys, Place, canonical_query, signature, stamp
from scaler.sdk.source import Connection, Parallel, Source, Together
from scaler.sdk.tls import Tls
from scaler.sdk.ways import default_timeout, proxy_for

__all__ = [
    "AUTH",
    "ENV",
    "METADATA",
    "Aim",
    "Anonymous",
    "AnswerError",
    "AzureWorkload",
    "Backlog",
    "ClientCredentials",
    "Connection",
    "Declared",
    "Duration",
    "Example",
    "Fixed",
    "Get",
    "GoogleToken",
    "Http",
    "KeySource",
    "Keys",
    "Lasting",
    "Listed",
    "LoginError",
    "MetricType",
    "Pairs",
    "Parallel",
    "Place",
    "Post",
    "QuantityText",
    "Query",
    "Ranges",
    "Reply",
    "Request",
    "Result",
    "Sample",
    "Scaler",
    "Several",
    "SigV4",
    "Signer",
    "Source",
    "SourceBusy",
    "SourceError",
    "Tls",
    "Together",
    "UrlPairs",
    "Usage",
    "activation",
    "basic",
    "bearer",
    "canonical_query",
    "daemon_token",
    "default_timeout",
    "http_session",
    "key_token",
    "param",
    "proxy_for",
    "quantity",
    "refused",
    "role_keys",
    "secret",
    "signature",
    "stamp",
    "target",
    "what_failed",
]
