"""Every manifest that a reader may copy works: those under examples/, in the README and in the guides."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler import catalog
from scaler.manifests.bind import examine
from scaler.manifests.watched import Manifest, Ref

ROOT = Path(__file__).parents[1]
KINDS = ("ScaledObject", "ScaledJob", "TriggerAuthentication", "ClusterTriggerAuthentication")


def _texts() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.glob("examples/**/*.yaml")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.S), 1):
            yield f"{path.relative_to(ROOT)}#{number}", block


def _manifests() -> Iterator[Any]:
    for where, text in _texts():
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("kind") in KINDS:
                yield pytest.param(document, id=f"{where}:{document['kind']}/{document['metadata']['name']}")


@pytest.mark.parametrize("document", list(_manifests()))
def test_a_manifest_to_copy(document: dict[str, Any]) -> None:
    ref = Ref(document["kind"], "default", document["metadata"]["name"])
    examined = examine(Manifest(ref, document), catalog.find)
    assert not examined.problems
    assert not examined.warnings


def test_there_are_some() -> None:
    assert len(list(_manifests())) > 10
