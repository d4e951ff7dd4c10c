"""What every scaler in `scalers/` must pass, made from its declaration. Only what is peculiar to a type is tested
beside this, in a file of its own."""

import os

import pytest

from scaler import catalog
from scaler.catalog import BUILT_IN, MissingLibrary
from scaler.cli.explain import page_of
from scaler.declare.document import manifests
from scaler.manifests.bind import examine
from scaler.manifests.watched import Manifest, Ref
from scaler.testing import Check, conformance

TYPES = [one.type for one in catalog.types() if one.origin == BUILT_IN]


@pytest.mark.parametrize("check", [check for type_ in TYPES for check in conformance(type_)], ids=str)
def test_conformance(check: Check) -> None:
    try:
        check()
    except MissingLibrary as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(missing.sentence)


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_is_wrong_with_the_manifests_of_its_page(type_: str) -> None:
    for body in manifests(page_of(type_)):
        if body["kind"] != "Secret":
            examined = examine(Manifest(Ref(body["kind"], "default", body["metadata"]["name"]), body), catalog.find)
            assert (examined.problems, examined.warnings) == ({}, {})
