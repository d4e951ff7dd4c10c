"""Where the programs of Kubernetes' control plane come from: built once by Go out of their released modules.

Or taken from the folder that KUBEBUILDER_ASSETS names, if it holds all of them. How they are started is in
`kube_servers`.
"""

import os
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.rig import cache

RECIPES = Path(__file__).parent / "recipes" / "control-plane"
ASSETS = "KUBEBUILDER_ASSETS"
ETCD = "etcd"
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kubectl")
# What is in the repository is what is built, whatever this machine's Go is told elsewhere.
GO = ("CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
BUILD = ("build", "-mod=readonly", "-buildvcs=false", "-trimpath")


def fetch() -> Path:
    """The folder of Kubernetes' programs; etcd is a build of its own, because its libraries differ."""
    for name in (ETCD, *KUBERNETES):
        folder = Path(program(name)).parent
    return folder


def kubectl() -> Path:
    """It needs neither etcd nor anything else of them."""
    return Path(program("kubectl"))


def program(name: str) -> str:
    """The path of one of them, built first if it is not there."""
    if (assets := os.environ.get(ASSETS)) is not None:
        if not Path(assets, name).is_file():
            raise cache.Unavailable(f"{ASSETS} has no {name}")
        return str(Path(assets, name))
    if name == ETCD:
        version = _version("etcd", "go.etcd.io/etcd/server/v3")
        folder = cache.entry("etcd", version, _build_etcd, cost="about 1 minute, by go")
    else:
        version = _version("kubernetes", "k8s.io/kubernetes")
        build = partial(_build_kubernetes, version)
        folder = cache.entry("kubernetes", version, build, cost="5 to 10 minutes and 4 GB of Go's own caches, by go")
    return str(folder / name)


def _version(recipe: str, module: str) -> str:
    [version] = re.findall(rf"^require {re.escape(module)} v(\S+)$", (RECIPES / recipe / "go.mod").read_text(), re.M)
    return str(version)


def _build_etcd(folder: Path) -> None:
    _go_build(folder, "etcd", ["-ldflags", "-s -w", "-o", str(folder / ETCD), "go.etcd.io/etcd/server/v3"])


def _build_kubernetes(version: str, folder: Path) -> None:
    """The version is linked in as Kubernetes' own build does it; without that `/version` tells nonsense."""
    major, minor, _ = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    link = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())])
    packages = [f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES]
    _go_build(folder, "kubernetes", ["-ldflags", link, "-o", f"{folder}/", *packages])


def _go_build(folder: Path, recipe: str, arguments: Sequence[str]) -> None:
    """From a copy of the recipe, so that nothing can touch the one in the repository."""
    go = cache.tool("go")
    copy = folder / "recipe"
    shutil.copytree(RECIPES / recipe, copy)
    cache.call(["env", *GO, go, *BUILD, *arguments], cwd=copy)
