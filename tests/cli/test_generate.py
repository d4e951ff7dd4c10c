"""`scaler generate`: the same files from the same declarations, and told apart from others."""

import json
from pathlib import Path

import yaml

from scaler import catalog
from scaler.catalog import BUILT_IN
from scaler.cli.explain import page_of
from scaler.declare.document import manifests
from tests.cli.conftest import Call
from tests.declare.json_schema import complaints

TYPES = [one.type for one in catalog.types() if one.origin == BUILT_IN]


def written(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_page_for_every_type_an_index_and_two_schemas(call: Call, tmp_path: Path) -> None:
    assert call("generate", "--into", tmp_path).exit_code == 0
    pages = {f"scalers/{type_}.md" for type_ in TYPES}
    assert written(tmp_path).keys() == pages | {
        "scalers/README.md",
        "schema/scalers.json",
        "schema/scaledobject.schema.json",
    }


def test_plug_ins_are_left_out(call: Call, tmp_path: Path, my_queue: Path) -> None:
    call("generate", "--into", tmp_path / "docs")
    assert "my-queue" not in "".join(written(tmp_path / "docs").values())


def test_twice_is_the_same_and_nothing_is_written_again(call: Call, tmp_path: Path) -> None:
    call("generate", "--into", tmp_path)
    first = written(tmp_path)
    assert call("generate", "--into", tmp_path).stdout == ""
    assert written(tmp_path) == first


def test_check_is_content_with_what_was_generated(call: Call, tmp_path: Path) -> None:
    call("generate", "--into", tmp_path)
    result = call("generate", "--into", tmp_path, "--check")
    assert (result.exit_code, result.stderr) == (0, "")


def test_check_names_what_differs_and_changes_nothing(call: Call, tmp_path: Path) -> None:
    call("generate", "--into", tmp_path)
    changed, gone, stale = (tmp_path / "scalers" / f"{name}.md" for name in ("kafka", "cron", "no-such-type"))
    changed.write_text("something else")
    gone.unlink()
    stale.write_text("nobody declares this")
    before = written(tmp_path)
    result = call("generate", "--into", tmp_path, "--check")
    assert result.exit_code == 1
    assert [line.partition(" ")[0] for line in result.stderr.splitlines()] == sorted(map(str, [changed, gone, stale]))
    assert written(tmp_path) == before
    call("generate", "--into", tmp_path)
    assert not stale.exists()
    assert call("generate", "--into", tmp_path, "--check").exit_code == 0


def test_the_list_is_in_kedas_layout(call: Call, tmp_path: Path) -> None:
    call("generate", "--into", tmp_path)
    content = json.loads((tmp_path / "schema/scalers.json").read_text())
    assert [one["type"] for one in content["scalers"]] == TYPES
    assert all(parameter["name"] for one in content["scalers"] for parameter in one["parameters"])


def test_editors_mark_no_example_and_a_wrong_word_in_each(call: Call, tmp_path: Path) -> None:
    call("generate", "--into", tmp_path)
    schema = json.loads((tmp_path / "schema/scaledobject.schema.json").read_text())
    for type_ in TYPES:
        for body in manifests(page_of(type_)):
            assert complaints(schema, body) == []
        scaled = yaml.safe_load(yaml.safe_dump(manifests(page_of(type_))[0]))
        scaled["spec"]["triggers"][0]["metadata"]["noSuchParameter"] = "1"
        assert complaints(schema, scaled) == [".spec.triggers[0].metadata.noSuchParameter: unknown"]
