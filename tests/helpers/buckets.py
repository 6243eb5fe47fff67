"""A bucket of a store, as tests fill it and look into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "wJalrXUtnFEMI"


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own for each test."""

    name: str
    client: Any

    @property
    def address(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def put_folder(self, folder: Path, below: str) -> None:
        for path in sorted(folder.iterdir()):
            self.put(f"{below}/{path.name}", path.read_bytes())

    def get(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def listed(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]
