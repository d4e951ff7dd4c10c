"""What the chart has from elsewhere: the rules of RBAC from deploy/, the definitions from crds/, with Helm's wrapping.

Rules are copied as text, with their reasons, into named templates. Who is bound by them, and everything else of the
chart, is written by hand; tests/deploy/test_chart.py shows that what comes out is what kustomize makes."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import yaml

ROOT = Path(__file__).parents[1]
TEMPLATES = Path("deploy/chart/templates")
COPIES = Path("deploy/chart/monitoring")
MONITORING = (Path("deploy/prometheus/alerts.yaml"), Path("deploy/grafana/event-scaler.json"))
"""Copied as they are: a chart can include only what is in its own folder."""

ROLES = (Path("deploy/daemon/roles.yaml"), Path("deploy/daemon/users.yaml"))
MORE = Path("deploy/overlays/in-keda-namespace/may-create-the-api-service.yaml")
OWN = "own"
"""The role whose rules are apart by resource, because values say which of them are needed, and where."""

NAMES = {
    "[operator.keda.sh]": "[{{ .Values.lease.name | quote }}]",
    "[event-scaler-certs]": "[{{ .Values.certificates.ownSecret | quote }}]",
    "[keda-admission]": '[{{ include "event-scaler.webhookConfiguration" . | quote }}]',
    "[event-scaler-metrics-apiserver]": '[{{ include "event-scaler.metricsService" . | quote }}]',
}
RULE = re.compile(r"^(?:# .*\n)+- .*\n(?:  .*\n)+", re.M)
HEAD = f"{{{{- /* From {', '.join(map(str, (*ROLES, MORE)))}, by scripts/gen. */ -}}}}\n"
KEEP = """
  labels:
    {{- include "event-scaler.labels" . | nindent 4 }}
  annotations:
    # Whoever uninstalls the release does not mean everybody's ScaledObjects.
    helm.sh/resource-policy: keep
"""


def files() -> dict[Path, str]:
    """The generated files of the chart, by their path in the repository."""
    definitions = sorted((ROOT / "crds").glob("*keda.sh_*.yaml"))
    return {
        TEMPLATES / "_rules.tpl": HEAD + "".join(_template(name, rules) for name, rules in _rules()),
        **{TEMPLATES / "crds" / path.name: _definition(path) for path in definitions},
        **{COPIES / path.name: (ROOT / path).read_text(encoding="utf-8") for path in MONITORING},
    }


def _rules() -> Iterator[tuple[str, str]]:
    """(name, rules as text) of every named template."""
    for document in "\n---\n".join((ROOT / path).read_text(encoding="utf-8") for path in ROLES).split("\n---\n"):
        head, _, body = document.partition("\nrules:\n")
        if body:
            [name] = re.findall(r"^  name: event-scaler-(\S+)$", head, re.M)
            body = dedent(body.rstrip("\n") + "\n")
            yield from _by_resource(body) if name == OWN else [(name, body)]
    [added] = yaml.safe_load((ROOT / MORE).read_text(encoding="utf-8"))
    yield "create-api-service", yaml.safe_dump([added["value"]], default_flow_style=None)


def _by_resource(body: str) -> Iterator[tuple[str, str]]:
    parts: dict[str, str] = {}
    for rule in RULE.findall(body):
        [resource] = re.findall(r"^  resources: \[(\w+)", rule, re.M)
        parts[resource] = parts.get(resource, "") + rule
    yield from ((f"{OWN}.{resource}", rules) for resource, rules in parts.items())


def _template(name: str, rules: str) -> str:
    for fixed, chosen in NAMES.items():
        rules = rules.replace(fixed, chosen)
    return f'{{{{- define "event-scaler.rules.{name}" -}}}}\n{rules}{{{{- end }}}}\n'


def _definition(path: Path) -> str:
    head, _, spec = path.read_text(encoding="utf-8").replace("{{", '{{ "{{" }}').partition("\nspec:\n")
    begin = f"{{{{- /* From crds/{path.name}, by scripts/gen. */ -}}}}\n{{{{- if .Values.crds.install }}}}\n"
    return f"{begin}{head}{KEEP}spec:\n{spec}{{{{- end }}}}\n"


def main(arguments: list[str]) -> None:
    wanted = files()
    stale = sorted({path.relative_to(ROOT) for path in (ROOT / TEMPLATES).glob("crds/*")} - wanted.keys())
    differing = [path for path, text in wanted.items() if not _holds(ROOT / path, text)]
    if "--check" in arguments and (stale or differing):
        sys.exit("".join(f"{path} is not what it is made from: run `scripts/gen`\n" for path in (*stale, *differing)))
    for path in stale:
        (ROOT / path).unlink()
    for path in differing:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main(sys.argv[1:])
