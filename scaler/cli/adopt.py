"""`scaler adopt --check`: whether a cluster of KEDA's is ready for the daemon, and what stands in the way. It asks as
whoever calls it, by his kubeconfig, and writes nothing: taking over is what the daemon does when it leads."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scaler import catalog, settings
from scaler.cli import Output, OutputOption
from scaler.errors import ManifestError
from scaler.kubernetes.api import Api
from scaler.kubernetes.config import Access, access
from scaler.kubernetes.handover.survey import survey
from scaler.kubernetes.handover.takeover import Finding, Severity, findings, ready

KubeconfigOption = Annotated[
    Path | None, typer.Option(help="A kubeconfig; else that of KUBECONFIG, the pod's own account, or ~/.kube/config.")
]
ContextOption = Annotated[str | None, typer.Option(help="Its context; its current one unless given.")]


def adopt(
    check: Annotated[bool, typer.Option("--check", help="Say what stands in the way; writes nothing.")] = False,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Say whether a cluster of KEDA's is ready to be taken over; writes nothing."""
    if not check:
        raise ManifestError({"adopt": "the daemon itself takes over, when it leads: --check says whether it may"})
    found = asyncio.run(_found(kubeconfig, context))
    if output is Output.JSON:
        print(json.dumps({"ready": ready(found), "findings": [asdict(one) for one in found]}, indent=2))
    else:
        _show(found)
    if not ready(found):
        raise typer.Exit(2)


async def _found(kubeconfig: Path | None, context: str | None) -> tuple[Finding, ...]:
    async with Api(await of_whoever_calls(kubeconfig, context)) as api:
        return findings(await survey(api), catalog.find)


async def of_whoever_calls(kubeconfig: Path | None, context: str | None) -> Access:
    """The access that kubectl would have. Raises `ClusterError`."""
    variables = settings.environment()
    named = str(kubeconfig or "") or variables.get("SCALER_KUBECONFIG") or variables.get("KUBECONFIG")
    if not named and settings.in_cluster():
        return await access()
    return await access(Path(named) if named else Path.home() / ".kube" / "config", context)


def _show(found: tuple[Finding, ...]) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, markup=False)
    colours = {Severity.PROBLEM: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
    for one in found:
        console.print(f"{one.severity.value}: {one.about}: {one.sentence}", style=colours[one.severity])
        if one.remedy:
            console.print(f"    {one.remedy}")
    count = sum(one.severity is Severity.PROBLEM for one in found)
    console.print("ready" if not count else f"not ready: {count} {'problem' if count == 1 else 'problems'}")
