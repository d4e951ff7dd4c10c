"""`scaler generate`: the same files from the same declarations, and told apart from others."""

import json
from pathlib import Path

import yaml
from typer.testing import Result

from scaler import catalog
from scaler.catalog import BUILT_IN
from scaler.cli.explain import page_of
from scaler.declare.document import manifests
from scaler.manifests.kinds import KINDS
from tests.cli.conftest import Call
from tests.declare.json_schema import complaints

TYPES = [one.type for one in catalog.types() if one.origin == BUILT_IN]


def generated(call: Call, folder: Path, *options: str) -> Result:
    """Generate with `folder` for documentation, and `crds` in it for definitions."""
    return call("generate", "--into", folder, "--crds", folder / "crds", *options)


def written(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_page_for_every_type_an_index_two_schemas_and_the_definitions(call: Call, tmp_path: Path) -> None:
    assert generated(call, tmp_path).exit_code == 0
    pages = {f"scalers/{type_}.md" for type_ in TYPES}
    definitions = {f"crds/{kind.group}_{kind.plural}.yaml" for kind in KINDS}
    assert written(tmp_path).keys() == pages | definitions | {
        "scalers/README.md",
        "schema/scalers.json",
        "schema/scaledobject.schema.json",
    }


def test_plug_ins_are_left_out(call: Call, tmp_path: Path, my_queue: Path) -> None:
    generated(call, tmp_path / "docs")
    assert "my-queue" not in "".join(written(tmp_path / "docs").values())


def test_twice_is_the_same_and_nothing_is_written_again(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    first = written(tmp_path)
    assert generated(call, tmp_path).stdout == ""
    assert written(tmp_path) == first


def test_check_is_content_with_what_was_generated(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    result = generated(call, tmp_path, "--check")
    assert (result.exit_code, result.stderr) == (0, "")


def test_check_names_what_differs_and_changes_nothing(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    changed, gone, stale = (tmp_path / "scalers" / f"{name}.md" for name in ("kafka", "cron", "no-such-type"))
    changed.write_text("something else")
    gone.unlink()
    stale.write_text("nobody declares this")
    before = written(tmp_path)
    result = generated(call, tmp_path, "--check")
    assert result.exit_code == 1
    assert [line.partition(" ")[0] for line in result.stderr.splitlines()] == sorted(map(str, [changed, gone, stale]))
    assert written(tmp_path) == before
    generated(call, tmp_path)
    assert not stale.exists()
    assert generated(call, tmp_path, "--check").exit_code == 0


def test_definitions_are_told_apart_from_other_files_beside_them(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    beside, changed, stale = (
        tmp_path / "crds" / name
        for name in ("kustomization.yaml", "keda.sh_scaledjobs.yaml", "keda.sh_nosuchkinds.yaml")
    )
    for path in (beside, changed, stale):
        path.write_text("something else")
    result = generated(call, tmp_path, "--check")
    assert [line.partition(" ")[0] for line in result.stderr.splitlines()] == sorted(map(str, [changed, stale]))
    generated(call, tmp_path)
    assert beside.exists()
    assert not stale.exists()
    assert generated(call, tmp_path, "--check").exit_code == 0


def test_the_definitions_checked_in_are_those_generated(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    checked_in = Path(__file__).parents[2] / "crds"
    assert call("generate", "--into", tmp_path, "--crds", checked_in, "--check").stderr == ""


def test_the_list_is_in_kedas_layout(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    content = json.loads((tmp_path / "schema/scalers.json").read_text())
    assert [one["type"] for one in content["scalers"]] == TYPES
    assert all(parameter["name"] for one in content["scalers"] for parameter in one["parameters"])


def test_editors_mark_no_example_and_a_wrong_word_in_each(call: Call, tmp_path: Path) -> None:
    generated(call, tmp_path)
    schema = json.loads((tmp_path / "schema/scaledobject.schema.json").read_text())
    for type_ in TYPES:
        for body in manifests(page_of(type_)):
            assert complaints(schema, body) == []
        scaled = yaml.safe_load(yaml.safe_dump(manifests(page_of(type_))[0]))
        scaled["spec"]["triggers"][0]["metadata"]["noSuchParameter"] = "1"
        assert complaints(schema, scaled) == [".spec.triggers[0].metadata.noSuchParameter: unknown"]
