"""Reads Kargo's pages with a tool people use instead, into JSON lines: run by the interpreter of build/peers.

python peers_run.py TOOL PAGES_URL TOKEN PAGE_ROWS DIRECTORY. Prints the rows and seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS_PATH = ["data", "rows"]


def dlt_rows(url: str, token: str, page_rows: int, directory: Path) -> Callable[[], None]:
    os.environ.update(
        DLT_DATA_DIR=str(directory / "dlt"), RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR"
    )
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

    client = RESTClient(
        url,
        auth=BearerTokenAuth(token=token),
        paginator=OffsetPaginator(limit=page_rows, total_path=None),
        data_selector=".".join(ROWS_PATH),
    )

    @dlt.resource(name="rows", max_table_nesting=0)
    def rows() -> Any:
        yield from client.paginate("")

    destination = dlt.destinations.filesystem(bucket_url=str(directory / "out"))
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench")
    return lambda: pipeline.run(rows(), loader_file_format="jsonl")


def singer_rows(url: str, token: str, page_rows: int, directory: Path) -> Callable[[], None]:
    from singer_sdk import RESTStream, Tap
    from singer_sdk import typing as th
    from singer_sdk.pagination import BaseOffsetPaginator

    class Paginator(BaseOffsetPaginator):
        def has_more(self, response: Any) -> bool:
            return bool(response.json()["data"]["rows"])

    class Rows(RESTStream):
        name = "rows"
        path = ""
        url_base = url
        records_jsonpath = "$.data.rows[*]"
        primary_keys = ()
        schema = th.PropertiesList(th.Property("campaign_name", th.StringType), additional_properties=True).to_dict()

        @property
        def http_headers(self) -> dict[str, str]:
            return {"Authorization": f"Bearer {token}"}

        def get_new_paginator(self) -> Paginator:
            return Paginator(0, page_rows)

        def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
            return {"limit": page_rows, "offset": next_page_token or 0}

    class Source(Tap):
        name = "tap-bench"
        config_jsonschema = th.PropertiesList().to_dict()

        def discover_streams(self) -> list[Rows]:
            return [Rows(self)]

    tap = Source(config={})

    def run() -> None:
        with (directory / "rows.jsonl").open("w") as file, contextlib.redirect_stdout(file):
            tap.sync_all()

    return run


def airbyte_rows(url: str, token: str, page_rows: int, directory: Path) -> Callable[[], None]:
    from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
    from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

    manifest = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["rows"]},
        "streams": [{
            "type": "DeclarativeStream",
            "name": "rows",
            "primary_key": [],
            "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "additionalProperties": True}},
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": url,
                    "http_method": "GET",
                    "authenticator": {"type": "BearerAuthenticator", "api_token": token},
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ROWS_PATH},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "pagination_strategy": {"type": "OffsetIncrement", "page_size": page_rows},
                    "page_size_option": {
                        "type": "RequestOption", "inject_into": "request_parameter", "field_name": "limit"
                    },
                    "page_token_option": {
                        "type": "RequestOption", "inject_into": "request_parameter", "field_name": "offset"
                    },
                },
            },
        }],
    }  # fmt: skip
    stream = {"name": "rows", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    configured = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
    catalog = ConfiguredAirbyteCatalogSerializer.load({"streams": [configured]})
    source = ConcurrentDeclarativeSource(catalog=catalog, config={}, state=[], source_config=manifest)

    def run() -> None:
        import logging

        from airbyte_cdk.entrypoint import AirbyteEntrypoint

        logging.disable(logging.INFO)
        with (directory / "rows.jsonl").open("w") as file:
            for message in source.read(logging.getLogger("bench"), {}, catalog, []):
                if message.record is not None:
                    file.write(AirbyteEntrypoint.airbyte_message_to_string(message) + "\n")

    return run


def rows_written(directory: Path) -> int:
    """Lines that are rows, in whatever files the tool wrote: some wrap them, some pack them, some add tables."""
    import gzip

    count = 0
    for path in directory.rglob("*.json*"):
        if "_dlt" in str(path) or "/dlt/" in str(path):
            continue
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            count += sum("campaign_name" in line and '"type":"SCHEMA"' not in line for line in file)
    return count


TOOLS = {"dlt": dlt_rows, "Airbyte CDK": airbyte_rows, "Singer SDK": singer_rows}


def main() -> None:
    tool, url, token, page_rows, name = sys.argv[1:]
    directory = Path(name)
    run = TOOLS[tool](url, token, int(page_rows), directory)
    began = time.perf_counter()
    run()
    took = time.perf_counter() - began
    sys.stdout.write(json.dumps({"rows": rows_written(directory), "seconds": took}) + "\n")


if __name__ == "__main__":
    main()
