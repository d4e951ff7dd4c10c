"""Helm, built once by Go out of its released module. Nothing of a server: it only talks to one when told which."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from tests.rig import cache
from tests.rig.kube_build import BUILD, GO

RECIPE = Path(__file__).parent / "recipes" / "helm"
MODULE = "helm.sh/helm/v3"


def fetch() -> Path:
    """The program, built first if it is not there."""
    recipe = (RECIPE / "go.mod").read_text()
    [version] = re.findall(rf"^require {re.escape(MODULE)} v(\S+)$", recipe, re.M)
    # As Helm's own build counts: the libraries of Kubernetes 1.n are 0.n. Without it, charts for newer are refused.
    [minor] = re.findall(r"^\tk8s\.io/client-go v0\.(\d+)\.", recipe, re.M)
    build = partial(_build, version, minor)
    return cache.entry("helm", version, build, cost="2 to 4 minutes, by go") / "helm"


def helm(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What it says; it has nothing of this machine's own configuration, and no proxy."""
    with tempfile.TemporaryDirectory(prefix="event-scaler-helm-") as home:
        return subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"HOME": home, "PATH": os.defpath},
        )


def _build(version: str, minor: str, folder: Path) -> None:
    copy = folder / "recipe"
    shutil.copytree(RECIPE, copy)
    told = {
        "internal/version.version": f"v{version}",
        "pkg/chartutil.k8sVersionMajor": "1",
        "pkg/chartutil.k8sVersionMinor": minor,
    }
    link = " ".join(["-s -w", *(f"-X {MODULE}/{name}={value}" for name, value in told.items())])
    go = cache.tool("go")
    cache.call(["env", *GO, go, *BUILD, "-ldflags", link, "-o", str(folder / "helm"), f"{MODULE}/cmd/helm"], cwd=copy)
