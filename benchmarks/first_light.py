"""Everything once, over HTTP, on real material: stamp, check, strip, check again, and what was concluded.

    python -m benchmarks.first_light --material DIR [--images N] [--out FILE]

`DIR` holds `data/images_dev/manifest.csv` (labelled photographs and generated images) and `c2pa/EXPECTED.tsv` (public C2PA
files). A real service is started with its default settings. Photographs and generated images are drawn with a fixed seed, as
many of each; of the C2PA files every still image is checked.

The detector was trained on images of this material, so its column shows that the road works, not how well it detects:
`benchmarks.detector_folds` measures that.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.machine import publish, summary
from benchmarks.service import RunningService, running_service
from provenance.asset import Asset
from provenance.errors import AssayError

STILL_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".tiff", ".gif"}


@dataclass
class Tally:
    """Conclusions and seconds by step, and what was refused."""

    conclusions: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)


class Client:
    """The service as a client sees it, timed."""

    def __init__(self, service: RunningService, tally: Tally) -> None:
        headers = {"Authorization": f"Bearer {service.key}"}
        self._http = httpx.Client(base_url=service.url, headers=headers, timeout=120)
        self._tally = tally

    def check(self, group: str, data: bytes) -> dict[str, Any] | None:
        """The report, counted under `group`; None and a counted refusal for an error."""
        begun = time.perf_counter()
        answer = self._http.post("/v1/checks", files={"file": ("upload", data)})
        answer = self._wait(answer)
        self._tally.seconds["check"].append(time.perf_counter() - begun)
        if answer.status_code != httpx.codes.OK:
            self._refused(group, answer)
            return None
        report: dict[str, Any] = answer.json()
        state = (report["provenance"]["state"] or "not looked for") + (
            f", {report['provenance']['tier']}" if report["provenance"]["tier"] else ""
        )
        self._tally.conclusions[group][f"{report['verdict']['conclusion']} ({state})"] += 1
        return report

    def stamp(self, group: str, data: bytes) -> bytes | None:
        """The stamped image; None and a counted refusal for an error."""
        begun = time.perf_counter()
        record = '{"model": "example/first-light", "prompt": "an example", "seed": 1}'
        answer = self._http.post("/v1/stamps", files={"file": ("image", data)}, data={"record": record})
        answer = self._wait(answer)
        self._tally.seconds["stamp"].append(time.perf_counter() - begun)
        if answer.status_code != httpx.codes.OK:
            self._refused(group, answer)
            return None
        return answer.content

    def _wait(self, answer: httpx.Response) -> httpx.Response:
        """Follow a job to its end, when the answer was not ready at once."""
        while answer.status_code == httpx.codes.ACCEPTED:
            time.sleep(0.1)
            job = self._http.get(answer.json()["links"]["self"])
            links = job.json()["links"]
            target = links.get("report") or links.get("result")
            if job.json()["state"] == "failed":
                return httpx.Response(job.json()["problem"]["status"], json=job.json()["problem"])
            answer = self._http.get(target) if target else httpx.Response(httpx.codes.ACCEPTED, json=job.json())
        return answer

    def _refused(self, group: str, answer: httpx.Response) -> None:
        problem = answer.json()
        self._tally.refusals[f"{group}: {answer.status_code} {problem.get('code', problem.get('title'))}"] += 1


def main() -> None:
    """Run, print the tables, publish the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--material", type=Path, required=True)
    arguments.add_argument("--images", type=int, default=120, help="labelled images, half of them photographs")
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    real, generated = _labelled(options.material / "data" / "images_dev", options.images)
    c2pa = _c2pa_files(options.material / "c2pa")
    anchors = [str(path.resolve()) for path in sorted((options.material / "c2pa" / "trust").glob("*-roots.pem"))]
    settings = {"ASSAY_TRUST_FILES": json.dumps(anchors)}
    tally, progress = Tally(), Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), settings) as service:
        client = Client(service, tally)
        for path in track(real, "photographs", console=progress):
            client.check("photograph, as it is", path.read_bytes())
        for path in track(generated, "generated images", console=progress):
            _stamped_road(client, path.read_bytes())
        for path in track(c2pa, "C2PA files", console=progress):
            client.check("C2PA public file", path.read_bytes())
        result = {
            "images": {"photographs": len(real), "generated": len(generated), "c2pa": len(c2pa)},
            "service_start_s": service.start_s,
            "conclusions": {group: dict(counts) for group, counts in tally.conclusions.items()},
            "refusals": dict(tally.refusals),
            "times": {step: summary(values) for step, values in tally.seconds.items()},
        }
    _print_tables(result, progress)
    publish("first_light", result, options.out)


def _stamped_road(client: Client, data: bytes) -> None:
    client.check("generated, as it is", data)
    stamped = client.stamp("stamping", data)
    if stamped is None:
        return
    client.check("generated, stamped", stamped)
    client.check("generated, stamped, one byte changed", _changed(stamped))
    client.check("generated, stamped, stripped", _stripped(stamped))


def _labelled(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rng = random.Random(0)  # noqa: S311  # a fixed draw, not a secret
    drawn = []
    for label in ("real", "generated"):
        paths = sorted(row["path"] for row in rows if row["label"] == label)
        drawn.append([folder / path for path in rng.sample(paths, min(count // 2, len(paths)))])
    return drawn[0], drawn[1]


def _c2pa_files(folder: Path) -> list[Path]:
    with (folder / "EXPECTED.tsv").open(newline="", encoding="utf-8") as file:
        names = sorted(row["file"] for row in csv.DictReader(file, delimiter="\t"))
    paths = [folder / name for name in names if Path(name).suffix.lower() in STILL_SUFFIXES]
    return [path for path in paths if path.is_file() and _taken(path)]


def _taken(path: Path) -> bool:
    try:
        Asset.from_bytes(path.read_bytes())
    except AssayError:
        return False
    return True


def _changed(stamped: bytes) -> bytes:
    """One bit flipped in the encoded pixels, which lie in different places of different formats."""
    markers = {"image/jpeg": b"\xff\xda", "image/png": b"IDAT", "image/webp": b"VP8"}
    changed = bytearray(stamped)
    changed[stamped.rindex(markers[Asset.from_bytes(stamped).media_type]) + 200] ^= 1
    return bytes(changed)


def _stripped(stamped: bytes) -> bytes:
    """Decoded and encoded again without any metadata, as platforms do."""
    out = io.BytesIO()
    Image.open(io.BytesIO(stamped)).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def _print_tables(result: dict[str, Any], console: Console) -> None:
    conclusions = Table("step", "conclusion (manifest)", "images", title="What was concluded")
    for group, counts in result["conclusions"].items():
        for conclusion, count in sorted(counts.items(), key=lambda item: -item[1]):
            conclusions.add_row(group, conclusion, str(count))
            group = ""  # noqa: PLW2901  # printed once
    for refusal, count in result["refusals"].items():
        conclusions.add_row("refused", refusal, str(count))
    times = Table("step", "n", "median ms", "p95 ms", title="How long a request took")
    for step, values in result["times"].items():
        times.add_row(step, str(values["n"]), f"{values['median_ms']:.0f}", f"{values['p95_ms']:.0f}")
    console.print(conclusions)
    console.print(times)


if __name__ == "__main__":
    main()
