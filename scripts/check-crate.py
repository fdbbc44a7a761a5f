#!/usr/bin/env python3
"""Check the RO-Crate metadata of an exported run with an independent validator.

    python3 -m venv /tmp/crates && /tmp/crates/bin/pip install roc-validator rocrate==0.13.0
    d3llm export mini/smoke --output run.tar.zst && mkdir run && tar --zstd -xf run.tar.zst -C run
    /tmp/crates/bin/python scripts/check-crate.py run/*

Checks RO-Crate 1.1 and Process Run Crate 0.5, required and recommended; what is only recommended is printed but
doesn't fail. It needs no network: that version of rocrate brings the context of RO-Crate 1.1 with it. Also reads the
crate with rocrate itself and checks every file's size and SHA-256.
"""
import hashlib
import json
import pathlib
import sys
import urllib.parse
import warnings

import rocrate
from rocrate.rocrate import ROCrate
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.utils import document_loader
from rocrate_validator.utils.http import HttpRequester

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def without_network() -> None:
    """Gives the validator the context that rocrate brings."""
    path = pathlib.Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    context = json.loads(path.read_text())
    assert context["@id"] == CONTEXT, f"this version of rocrate has {context['@id']}"
    original = document_loader._fetch_json_ld
    document_loader._fetch_json_ld = lambda url: context if url == CONTEXT else original(url)

    class Answer:
        status_code = 200
        headers = {"Content-Type": "application/ld+json"}
        content = path.read_bytes()
        text = path.read_text()

        def json(self) -> dict:
            return context

        def raise_for_status(self) -> None:
            pass

    requester = HttpRequester()
    get = requester.get
    HttpRequester.get = lambda self, url, **rest: Answer() if url == CONTEXT else get(url, **rest)


def validate(folder: pathlib.Path, profile: str, severity: Severity) -> list[str]:
    result = services.validate(
        ValidationSettings(
            rocrate_uri=str(folder), profile_identifier=profile, requirement_severity=severity,
            abort_on_first=False,
        )
    )
    return sorted({f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()})


def check_files(folder: pathlib.Path) -> int:
    crate = ROCrate(str(folder))
    count = 0
    for entity in crate.data_entities:
        if entity.type != "File":
            continue
        data = (folder / urllib.parse.unquote(entity.id)).read_bytes()
        assert str(len(data)) == entity["contentSize"], entity.id
        assert hashlib.sha256(data).hexdigest() == entity["sha256"], entity.id
        count += 1
    return count


def main() -> int:
    warnings.simplefilter("ignore")
    folder = pathlib.Path(sys.argv[1])
    without_network()
    failed = False
    for profile in ["ro-crate-1.1", "process-run-crate-0.5"]:
        required = validate(folder, profile, Severity.REQUIRED)
        recommended = validate(folder, profile, Severity.RECOMMENDED)
        advice = [issue for issue in recommended if issue not in required]
        print(f"{profile}: {len(required)} problems, {len(advice)} recommendations not followed")
        for issue in required + advice:
            print(f"  {issue}")
        failed = failed or bool(required)
    print(f"{check_files(folder)} files have the size and the SHA-256 that the crate says")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
