"""The Kubernetes manifests are valid, name existing verbs and variables, and run nothing as root."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from config.settings import Settings
from worker.cli import millrace

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
RENDERERS = {"kubectl": ["kustomize"], "kustomize": ["build"]}
RENDERER = next((name for name in RENDERERS if shutil.which(name)), None)


def rendered() -> list[dict[str, Any]]:
    """What is applied: the few words of kustomize that our file uses, carried out here."""
    written = [made for name in KUSTOMIZATION["resources"] for made in yaml.safe_load_all((FOLDER / name).read_text())]
    for made in KUSTOMIZATION["configMapGenerator"]:
        data = dict(text.split("=", 1) for text in made["literals"])
        written.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data})
    (patch,), (image,), (label,) = (KUSTOMIZATION[name] for name in ("patches", "images", "labels"))
    for manifest in written:
        metadata = manifest["metadata"]
        metadata["namespace"] = KUSTOMIZATION["namespace"]
        metadata["labels"] = {**metadata.get("labels", {}), **label["pairs"]}
        if manifest["kind"] != patch["target"]["kind"]:
            continue
        for step in yaml.safe_load(patch["patch"]):
            assert step["op"] == "add"
            *parents, last = step["path"].strip("/").split("/")
            place: Any = manifest
            for parent in parents:
                place = place[int(parent) if isinstance(place, list) else parent]
            place[last] = step["value"]
        for one in manifest["spec"]["template"]["spec"]["containers"]:
            assert one["image"] == image["name"]
            one["image"] = f"{image['newName']}:{image['newTag']}"
    return written


MANIFESTS = rendered()
DEPLOYMENTS = {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] == "Deployment"}


def kind_and_name(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


each_object = pytest.mark.parametrize("manifest", MANIFESTS, ids=kind_and_name)


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


def test_the_kustomization_applies_every_file() -> None:
    assert {*KUSTOMIZATION["resources"], "kustomization.yaml"} == {path.name for path in FOLDER.glob("*.yaml")}
    assert set(DEPLOYMENTS) == {"api", "beat", "control", "stream"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_process_is_started_by_an_existing_verb(name: str) -> None:
    assert parsed(container(name)["args"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_is_watched_and_bounded(name: str) -> None:
    probe = container(name)["livenessProbe"]
    assert parsed(probe["exec"]["command"][1:]) if "exec" in probe else probe["httpGet"]["path"] == "/healthz"
    assert "memory" in container(name)["resources"]["limits"]


@each_object
def test_every_object_is_one_of_kubernetes_or_keda_without_a_field_they_do_not_know(manifest: dict[str, Any]) -> None:
    if manifest["kind"] == "ScaledObject":
        # What KEDA documents of a ScaledObject and its trigger `prometheus`, as far as we use it.
        numbers = {"minReplicaCount", "maxReplicaCount", "cooldownPeriod"}
        spec, fallback = manifest["spec"], manifest["spec"].get("fallback", {"failureThreshold": 1, "replicas": 1})
        assert manifest["apiVersion"] == "keda.sh/v1alpha1"
        assert set(spec) <= {"scaleTargetRef", "triggers", "fallback", *numbers}
        assert fallback.keys() == {"failureThreshold", "replicas"}
        for trigger in spec["triggers"]:
            assert (trigger.keys(), trigger["type"]) == ({"type", "metadata"}, "prometheus")
            assert trigger["metadata"].keys() >= {"serverAddress", "query", "threshold"}
            assert {type(text) for text in trigger["metadata"].values()} == {str}
        assert {type(value) for name, value in (spec | fallback).items() if name in {*numbers, *fallback}} == {int}
    else:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.skipif(RENDERER is None, reason="neither kubectl nor kustomize is installed")
def test_kustomize_renders_the_same_objects() -> None:
    assert RENDERER
    ran = subprocess.run([RENDERER, *RENDERERS[RENDERER], str(FOLDER)], capture_output=True, text=True, check=True)
    # A generated ConfigMap is named after its content, wherever it is named.
    made = list(yaml.safe_load_all(re.sub(r"\bmillrace-[a-z0-9]{10}\b", "millrace", ran.stdout)))
    assert sorted(made, key=kind_and_name) == sorted(MANIFESTS, key=kind_and_name)


@each_object
def test_what_selects_pods_selects_those_of_a_deployment(manifest: dict[str, Any]) -> None:
    spec = manifest.get("spec", {})
    if manifest["kind"] == "ScaledObject":
        assert spec["scaleTargetRef"]["name"] in DEPLOYMENTS
    elif "selector" in spec:
        wanted = spec["selector"].get("matchLabels", spec["selector"])
        pods = [deployment["spec"]["template"]["metadata"]["labels"] for deployment in DEPLOYMENTS.values()]
        assert [labels for labels in pods if wanted.items() <= labels.items()]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_runs_without_root_and_writes_only_to_its_own_directory(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    (inside,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in inside["volumeMounts"]] == ["/tmp"]


def test_every_variable_in_a_manifest_is_a_setting() -> None:
    (literals,) = (manifest["data"] for manifest in MANIFESTS if manifest["kind"] == "ConfigMap")
    assert set(literals) <= {f"MILLRACE_{name.upper()}" for name in Settings.model_fields}
    assert "PASSWORD" not in json.dumps(KUSTOMIZATION)
