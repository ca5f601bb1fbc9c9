"""The Kubernetes manifests name verbs, options, variables and metrics that exist, and run nothing as root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from config.settings import Settings
from worker.cli import millrace

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = [
    manifest for name in KUSTOMIZATION["resources"] for manifest in yaml.safe_load_all((FOLDER / name).read_text())
]
DEPLOYMENTS = {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] == "Deployment"}


def container(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"][0]
    return spec


def parsed(arguments: list[str]) -> click.Context:
    """What the command makes of these words, without doing it."""
    context, command = click.Context(millrace), millrace
    rest = list(arguments)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    return command.make_context(context.info_name, rest, parent=context.parent)


def test_every_file_is_applied() -> None:
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}
    assert set(DEPLOYMENTS) == {"api", "beat", "control", "stream"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_is_started_by_a_verb_there_is(name: str) -> None:
    assert parsed(container(name)["args"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_is_watched_and_bounded(name: str) -> None:
    probe = container(name)["livenessProbe"]
    assert parsed(probe["exec"]["command"][1:]) if "exec" in probe else probe["httpGet"]["path"] == "/healthz"
    assert "memory" in container(name)["resources"]["limits"]


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda manifest: f"{manifest['kind']} {manifest['metadata']['name']}"
)
def test_what_selects_pods_selects_those_of_a_deployment(manifest: dict[str, Any]) -> None:
    spec = manifest["spec"]
    if manifest["kind"] == "ScaledObject":
        assert spec["scaleTargetRef"]["name"] in DEPLOYMENTS
        return
    wanted = spec["selector"].get("matchLabels", spec["selector"])
    pods = [deployment["spec"]["template"]["metadata"]["labels"] for deployment in DEPLOYMENTS.values()]
    assert [labels for labels in pods if wanted.items() <= labels.items()]


def test_every_deployment_runs_without_root_and_writes_only_to_its_own_directory() -> None:
    (patch,) = KUSTOMIZATION["patches"]
    added = {step["path"]: step["value"] for step in yaml.safe_load(patch["patch"])}
    pod, inside = (
        added["/spec/template/spec/securityContext"],
        added["/spec/template/spec/containers/0/securityContext"],
    )
    assert pod["runAsNonRoot"]
    assert (inside["readOnlyRootFilesystem"], inside["allowPrivilegeEscalation"]) == (True, False)
    assert patch["target"] == {"kind": "Deployment"}


def test_every_variable_is_a_setting() -> None:
    literals = [text.partition("=")[0] for text in KUSTOMIZATION["configMapGenerator"][0]["literals"]]
    assert set(literals) <= {f"MILLRACE_{name.upper()}" for name in Settings.model_fields}
    assert "PASSWORD" not in json.dumps(KUSTOMIZATION)
