"""`scaler run`: the daemon. Only flags are read here; what they start is `scaler.daemon`'s business."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    standalone: Annotated[
        Path | None,
        typer.Option("--standalone", metavar="DIR", help="Scale local processes, from a folder of manifests."),
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="A kubeconfig, outside of a cluster.")] = None,
    context: Annotated[str | None, typer.Option(help="Its context.")] = None,
    namespaces: Annotated[str | None, typer.Option(help="Namespaces to serve, separated by commas.")] = None,
    observe: Annotated[bool, typer.Option("--observe", help="Decide and show everything, write nothing.")] = False,
    take_over_metrics_api: Annotated[
        bool, typer.Option("--take-over-metrics-api", help="Take over somebody else's APIService.")
    ] = False,
    listen: Annotated[str | None, typer.Option(help="Address of /healthz, /readyz and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    metric_max_age: Annotated[str | None, typer.Option(help="How old a reading may be for a metric request.")] = None,
    reload: Annotated[str | None, typer.Option(help="How often the folder is looked at.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from scaler import logs, settings
    from scaler.errors import ManifestError

    flags = {
        "listen": listen,
        "logLevel": log_level,
        "logFormat": log_format,
        "metricMaxAge": metric_max_age,
        "reload": reload,
        "kubeconfig": str(kubeconfig) if kubeconfig else None,
        "context": context,
        "namespaces": namespaces,
        "observe": "true" if observe else None,
        "takeOverMetricsApi": "true" if take_over_metrics_api else None,
    }
    given = settings.read(flags, config)
    if standalone is not None and not standalone.is_dir():
        raise ManifestError({"--standalone": f"{standalone} is not a folder"})
    if standalone is None and not given.kubeconfig and not settings.in_cluster():
        problem = "there is no cluster: give --standalone DIR, or --kubeconfig FILE, or run it as a pod"
        raise ManifestError({"run": problem})
    logs.configure(given.log_level, given.log_format)
    if standalone is not None:
        from scaler.daemon.standalone import run as run_standalone

        run_standalone(standalone, given)
    else:
        from scaler.daemon.kubernetes import run as run_kubernetes

        run_kubernetes(given)
