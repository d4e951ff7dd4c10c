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
from scaler.sdk.scaler import Aim, Example, Result, Scaler, Usage
from scaler.sdk.signing import Anonymous, ClientCredentials, Fixed, Request, Several, Signer, basic, bearer
from scaler.sdk.source import Connection, Parallel, Source, Together
from scaler.sdk.tls import Tls

__all__ = [
    "AUTH",
    "ENV",
    "METADATA",
    "Aim",
    "Anonymous",
    "AnswerError",
    "Backlog",
    "ClientCredentials",
    "Connection",
    "Declared",
    "Duration",
    "Example",
    "Fixed",
    "Get",
    "Http",
    "Listed",
    "LoginError",
    "MetricType",
    "Pairs",
    "Parallel",
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
    "http_session",
    "param",
    "quantity",
    "refused",
    "secret",
    "target",
    "what_failed",
]
