"""One number out of a page of JSON, YAML, XML or Prometheus' text, by a location that is written as the format has it.
A page is a stranger's: it is bounded, and whatever it is, the outcome is a number or an `AnswerError`."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import yaml

from scaler.sdk import AnswerError, Reply, quantity
from scalers import _gjson, _samples

KIB = 1024
LARGEST = {"json": 4096 * KIB, "xml": 1024 * KIB, "yaml": 64 * KIB, "prometheus": 4096 * KIB}
"""Bytes of a page that is looked into: what takes some tenths of a second, whatever it holds."""

DEEPEST = 100
"""Levels of YAML; its fast loader ends the whole process some thousands further down."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def value_at(reply: Reply, form: str, location: str) -> float:
    """The number at the location. Raises `AnswerError` where there is none."""
    if len(reply.body) > LARGEST[form]:
        raise AnswerError(f"the answer has more than {LARGEST[form] // KIB} KiB, too much for {form}")
    found = _READERS[form](reply, location)
    if found is _gjson.MISSING or found is None:
        raise AnswerError(f"there is nothing at {location} in the answer")
    return number(found, location)


def location_problem(form: str, location: str) -> str:
    """What is wrong with a location by itself, or nothing."""
    if form == "json":
        return _gjson.problem(location)
    try:
        if form == "prometheus":
            _samples.selector(location)
    except ValueError as problem:
        return str(problem)
    return ""


def number(value: Any, where: str) -> float:
    """A number, or text that is a Kubernetes quantity. Raises `AnswerError`, which does not quote the value."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str):
            return quantity(value)
    except (ValueError, OverflowError):
        pass
    raise AnswerError(f"what stands at {where} in the answer is neither a number nor a quantity")


def _json(reply: Reply, location: str) -> Any:
    content = reply.json()
    try:
        return _gjson.get(content, location)
    except RecursionError:
        raise AnswerError("the answer is nested too deeply for its valueLocation") from None


def _yaml(reply: Reply, location: str) -> Any:
    try:
        _check_depth(reply.text())
        content = yaml.load(reply.text(), _LOADER)  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        raise AnswerError("the answer is not YAML") from None
    for step in location.split("."):
        content = _member(content, step)
    return content


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise AnswerError(f"the answer is nested more than {DEEPEST} levels deep")


def _member(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return next((one for key, one in value.items() if str(key) == step), _gjson.MISSING)
    if isinstance(value, list) and (at := _index(step)) is not None and at < len(value):
        return value[at]
    return _gjson.MISSING


def _index(step: str) -> int | None:
    return int(step) if step.isdecimal() and step.isascii() and len(step) < 10 else None


def _xml(reply: Reply, location: str) -> Any:
    """Tags from the root on; among several children with the same tag the next step may be an index."""
    text = reply.text()
    if "<!DOCTYPE" in text:
        raise AnswerError("the answer is XML with a DOCTYPE, which is not read")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError):
        raise AnswerError("the answer is not XML") from None
    first, *steps = location.split(".")
    found = [root] if _tag(root) == first else []
    for step in steps:
        at = _index(step)
        found = found[at : at + 1] if at is not None else [one for one in found[:1] for one in one if _tag(one) == step]
    return (found[0].text or "").strip() if found else _gjson.MISSING


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _prometheus(reply: Reply, location: str) -> Any:
    value = _samples.first(reply.text(), location)
    return _gjson.MISSING if value is None else value


_READERS: dict[str, Callable[[Reply, str], Any]] = {
    "json": _json,
    "yaml": _yaml,
    "xml": _xml,
    "prometheus": _prometheus,
}
