"""What a person may write is declared once, as a class; what follows from it is made here: loading with all problems
at once (`load`), JSON schemas (`schema`), documentation (`document`). Knows no trigger type and no manifest."""

from scaler.declare.fields import (
    AUTH,
    ENV,
    METADATA,
    Declared,
    Parameter,
    Place,
    Resource,
    Role,
    Rule,
    activation,
    param,
    parameters,
    secret,
    target,
)
from scaler.declare.kinds import Duration, Listed, Pairs, QuantityText, Ranges, UrlPairs
from scaler.declare.load import UNRESOLVED, Loaded, load, load_document

__all__ = [
    "AUTH",
    "ENV",
    "METADATA",
    "UNRESOLVED",
    "Declared",
    "Duration",
    "Listed",
    "Loaded",
    "Pairs",
    "Parameter",
    "Place",
    "QuantityText",
    "Ranges",
    "Resource",
    "Role",
    "Rule",
    "UrlPairs",
    "activation",
    "load",
    "load_document",
    "param",
    "parameters",
    "secret",
    "target",
]
