import base64
import os
from pathlib import Path

import pytest

from scaler.errors import ClusterError
from scaler.manifests.watched import Ref
from scaler.standalone.documents import data_of
from scaler.standalone.folder import Folder, look
from tests.standalone.scene import deployment, scaled_object, secret, write

WEB = Ref("Deployment", "default", "web")
OBJECT = Ref("ScaledObject", "default", "web")


def settled(folder: Path, before: Folder | None = None) -> Folder:
    """Looks until nothing moves."""
    while True:
        after = look(folder, before)
        if after is before:
            return after
        before = after


def test_yaml_and_json_of_several_documents(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "kind: Secret\napiVersion: v1\nmetadata: {name: s}\nstringData: {a: b}", scaled_object())
    write(tmp_path, "b.json", deployment())
    write(tmp_path, "c.yml", {"apiVersion": "v1", "kind": "List", "items": [deployment(name="two"), secret()]})
    found = look(tmp_path)
    assert {ref.name for ref in found.manifests} == {"s", "web", "two", "secret"}
    assert found.problems == {}


def test_other_files_and_folders_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, ".hidden.yaml", deployment())
    write(tmp_path, "notes.txt", "kind: Deployment")
    (tmp_path / "sub.yaml").mkdir()
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "a.yaml", deployment())
    assert look(tmp_path).manifests == {}


def test_namespaces(tmp_path: Path) -> None:
    other = deployment()
    other["metadata"]["namespace"] = "shop"
    shared = {"apiVersion": "keda.sh/v1alpha1", "kind": "ClusterTriggerAuthentication", "metadata": {"name": "keys"}}
    write(tmp_path, "a.yaml", deployment(), other, shared)
    assert set(look(tmp_path).manifests) == {
        WEB,
        Ref("Deployment", "shop", "web"),
        Ref("ClusterTriggerAuthentication", "", "keys"),
    }


def test_kinds_without_meaning_are_named(tmp_path: Path) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    write(tmp_path, "a.yaml", service, deployment(), "services: {web: {image: x}}")
    found = look(tmp_path)
    assert found.ignored == ("v1 Service in a.yaml", "document 3 in a.yaml, which is not a manifest,")
    assert set(found.manifests) == {WEB}


def test_dates_are_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: 2026-01-02T03:04:05Z}",
    )
    (manifest,) = look(tmp_path).manifests.values()
    assert manifest.body["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"


# ------------------------------------------------------------------------------------------------------------- changes


def test_nothing_new_is_the_same_look(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = settled(tmp_path)
    assert look(tmp_path, found) is found
    os.utime(tmp_path / "a.yaml")
    assert settled(tmp_path, found).manifests == found.manifests


def test_a_change_is_believed_when_two_looks_agree(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = settled(tmp_path)
    write(tmp_path, "a.yaml", deployment(name="other"))
    first = look(tmp_path, found)
    assert set(first.manifests) == {WEB}
    assert not first.whole
    assert set(look(tmp_path, first).manifests) == {Ref("Deployment", "default", "other")}


def test_what_was_written_while_starting_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "")
    started = look(tmp_path)
    with (tmp_path / "a.yaml").open("w") as file:
        file.write("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n")
    assert set(settled(tmp_path, started).manifests) == {WEB}


def test_a_file_that_is_replaced_by_its_deletion_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = settled(tmp_path)
    (tmp_path / "a.yaml").unlink()
    without = look(tmp_path, found)
    assert set(without.manifests) == {WEB}
    write(tmp_path, "a.yaml", deployment())
    assert set(settled(tmp_path, without).manifests) == {WEB}


@pytest.mark.parametrize("looks", [1, 2], ids=["at start", "later"])
def test_a_file_that_was_deleted(tmp_path: Path, looks: int) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = None
    for _ in range(looks):
        found = look(tmp_path, found)
    (tmp_path / "a.yaml").unlink()
    found = look(tmp_path, found)
    assert set(found.manifests) == {WEB}
    found = look(tmp_path, found)
    assert found.manifests == {}
    assert found.whole


HALVES = {
    "not YAML": ("a: b: c", "is not YAML (line 1)"),
    "a document without a kind": ("apiVersion: apps/v1", "document 1 is not a manifest: it has no apiVersion or kind"),
    "a manifest without a name": (
        "{apiVersion: apps/v1, kind: Deployment}",
        "document 1 (Deployment): metadata is missing",
    ),
    "only text": ("Deploy", "document 1 is not a manifest: it has no apiVersion or kind"),
    "binary": ("\x00\x01", "holds something that no manifest can hold"),
}


@pytest.mark.parametrize(("content", "problem"), HALVES.values(), ids=HALVES)
def test_a_half_written_file_keeps_its_objects(tmp_path: Path, content: str, problem: str) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = settled(tmp_path)
    (tmp_path / "a.yaml").write_text(content)
    found = settled(tmp_path, found)
    assert found.problems == {"a.yaml": problem}
    assert set(found.manifests) == {WEB}
    write(tmp_path, "a.yaml", scaled_object())
    found = settled(tmp_path, found)
    assert found.problems == {}
    assert set(found.manifests) == {OBJECT}


def test_a_file_that_never_made_sense_makes_the_folder_uncertain(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "a: b: c")
    write(tmp_path, "b.json", "{")
    found = settled(tmp_path)
    assert found.problems == {"a.yaml": "is not YAML (line 1)", "b.json": "is not JSON (line 1)"}
    assert not found.whole


def test_a_problem_never_quotes_the_file(tmp_path: Path) -> None:
    for name, content in {
        "a.yaml": "kind: Secret\nstringData: {password: *hunter2}",
        "b.json": '{"password": hunter2}',
        "c.yaml": "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {password: hunter2}}",
        "d.yaml": "kind: Secret\npassword: !hunter2 x",
    }.items():
        write(tmp_path, name, content)
    problems = look(tmp_path).problems
    assert set(problems) == {"a.yaml", "b.json", "c.yaml", "d.yaml"}
    assert "hunter2" not in str(problems)


def test_a_file_that_cannot_be_read_keeps_its_objects(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", deployment())
    found = settled(tmp_path)
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "a.yaml").symlink_to("/proc/self/mem")  # is a file, and cannot be read
    found = settled(tmp_path, found)
    assert found.problems["a.yaml"].startswith("cannot be read")
    assert set(found.manifests) == {WEB}
    (tmp_path / "a.yaml").unlink()
    write(tmp_path, "a.yaml", deployment())
    assert settled(tmp_path, found).problems == {}


def test_the_first_definition_counts(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", deployment(["second"]), deployment(["third"]))
    write(tmp_path, "a.yaml", deployment(["first"]))
    found = settled(tmp_path)
    assert found.manifests[WEB].body["spec"]["template"]["spec"]["containers"][0]["command"] == ["first"]
    again = "Deployment default/web is already defined in a.yaml"
    assert found.problems == {"b.yaml": f"{again}; {again}"}
    (tmp_path / "a.yaml").unlink()
    found = settled(tmp_path, found)
    assert found.manifests[WEB].body["spec"]["template"]["spec"]["containers"][0]["command"] == ["second"]


def test_a_folder_that_vanishes_keeps_everything(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    write(folder, "a.yaml", deployment())
    found = settled(folder)
    folder.rename(tmp_path / "away")
    gone = settled(folder, found)
    assert "No such file" in gone.problems["."]
    assert set(gone.manifests) == {WEB}
    (tmp_path / "away").rename(folder)
    assert settled(folder, gone).problems == {}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot be read"):
        look(tmp_path / "nowhere")


# --------------------------------------------------------------------------------------------------------------- data


def test_the_data_of_secrets_and_config_maps(tmp_path: Path) -> None:
    encoded = {"a": base64.b64encode("grüße".encode()).decode(), "b": base64.b64encode(b"\xff\xfe").decode()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": encoded, "stringData": {"c": "d"}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"x": "y"}}
    empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "e"}}
    write(tmp_path, "a.yaml", body, config, empty)
    found = look(tmp_path).manifests
    decoded = data_of(found[Ref("Secret", "default", "s")])
    assert decoded["a"] == "grüße"
    assert os.fsencode(decoded["b"]) == b"\xff\xfe"
    assert decoded["c"] == "d"
    assert data_of(found[Ref("ConfigMap", "default", "c")]) == {"x": "y"}
    assert data_of(found[Ref("ConfigMap", "default", "e")]) == {}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{kind: ConfigMap, data: {PORT: 80}}", "document 1 (ConfigMap a): data.PORT must be text; put it in quotes"),
        ("{kind: Secret, stringData: [a]}", "document 1 (Secret a): stringData must be a mapping"),
        ("{kind: Secret, data: {a: '!'}}", "document 1 (Secret a): data must be base64"),
    ],
)
def test_data_that_is_none(tmp_path: Path, document: str, problem: str) -> None:
    write(tmp_path, "a.yaml", document.replace("{kind", "{apiVersion: v1, metadata: {name: a}, kind", 1))
    assert look(tmp_path).problems == {"a.yaml": problem}
