"""Reads Kargo's pages or MediaMath's stream with another tool (dlt, Airbyte CDK, Singer SDK) into JSON lines.

Run by the interpreter of build/peers: python peers_run.py TOOL URL TOKEN ASKED DIRECTORY. ASKED is the number of rows
of a page, or the query of a stream. Prints the rows and seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROWS_PATH = ["data", "rows"]

Asked = int | dict[str, Any]


def objects_of_lines(response: Any) -> Iterator[Any]:
    """The rows of a stream without its header, read as the tools' documentation shows."""
    return (value for value in map(json.loads, filter(None, response.iter_lines())) if "fields" not in value)


def dlt_rows(url: str, token: str, asked: Asked, directory: Path) -> Callable[[], None]:
    os.environ.update(
        DLT_DATA_DIR=str(directory / "dlt"), RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR"
    )
    import dlt
    from dlt.sources.helpers import requests
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

    client = RESTClient(
        url,
        auth=BearerTokenAuth(token=token),
        paginator=OffsetPaginator(limit=asked, total_path=None) if isinstance(asked, int) else None,
        data_selector=".".join(ROWS_PATH),
    )

    @dlt.resource(name="rows", max_table_nesting=0)
    def rows() -> Any:
        if isinstance(asked, int):
            yield from client.paginate("")
            return
        response = requests.post(url, json=asked, headers={"Authorization": f"Bearer {token}"}, stream=True)
        held: list[Any] = []
        for value in objects_of_lines(response):
            held.append(value)
            if len(held) == 10_000:  # rows given one by one take several times as long
                yield held
                held = []
        yield held

    destination = dlt.destinations.filesystem(bucket_url=str(directory / "out"))
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench")
    return lambda: pipeline.run(rows(), loader_file_format="jsonl")


def singer_rows(url: str, token: str, asked: Asked, directory: Path) -> Callable[[], None]:
    from singer_sdk import RESTStream, Tap
    from singer_sdk import typing as th
    from singer_sdk.pagination import BaseOffsetPaginator, SinglePagePaginator

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

    class Paginator(BaseOffsetPaginator):
        def has_more(self, response: Any) -> bool:
            return bool(response.json()["data"]["rows"])

    class Pages(Rows):
        def get_new_paginator(self) -> Paginator:
            return Paginator(0, asked)

        def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
            return {"limit": asked, "offset": next_page_token or 0}

    class Lines(Rows):
        http_method = "POST"

        def get_new_paginator(self) -> SinglePagePaginator:
            return SinglePagePaginator()

        def prepare_request_payload(self, context: Any, next_page_token: Any) -> Any:
            return asked

        def parse_response(self, response: Any) -> Iterator[Any]:
            return objects_of_lines(response)

    class Source(Tap):
        name = "tap-bench"
        config_jsonschema = th.PropertiesList().to_dict()

        def discover_streams(self) -> list[Rows]:
            return [Pages(self) if isinstance(asked, int) else Lines(self)]

    return partial(write_messages, Source(config={}), directory)


def write_messages(tap: Any, directory: Path) -> None:
    with (directory / "rows.jsonl").open("w") as file, contextlib.redirect_stdout(file):
        tap.sync_all()


def airbyte_retriever(url: str, token: str, asked: Asked) -> dict[str, Any]:
    requester = {
        "type": "HttpRequester",
        "url_base": url,
        "http_method": "GET",
        "authenticator": {"type": "BearerAuthenticator", "api_token": token},
    }
    extractor = {"type": "DpathExtractor", "field_path": ROWS_PATH}
    selector = {"type": "RecordSelector", "extractor": extractor}
    retriever = {"type": "SimpleRetriever", "requester": requester, "record_selector": selector}
    if not isinstance(asked, int):
        requester |= {"http_method": "POST", "request_body": {"type": "RequestBodyJsonObject", "value": asked}}
        extractor["field_path"] = []
        return retriever | {"decoder": {"type": "JsonlDecoder"}}
    parameter = {"type": "RequestOption", "inject_into": "request_parameter"}
    paginator = {
        "type": "DefaultPaginator",
        "pagination_strategy": {"type": "OffsetIncrement", "page_size": asked},
        "page_size_option": parameter | {"field_name": "limit"},
        "page_token_option": parameter | {"field_name": "offset"},
    }
    return retriever | {"paginator": paginator}


def airbyte_rows(url: str, token: str, asked: Asked, directory: Path) -> Callable[[], None]:
    from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
    from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

    schema = {"type": "object", "additionalProperties": True}
    manifest = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["rows"]},
        "streams": [{
            "type": "DeclarativeStream",
            "name": "rows",
            "primary_key": [],
            "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
            "retriever": airbyte_retriever(url, token, asked),
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
    """The number of rows in the files that the tool wrote: some wrap rows, some compress them, some add tables."""
    import gzip

    count = 0
    for path in directory.rglob("*.json*"):
        if "_dlt" in str(path) or "/dlt/" in str(path):
            continue
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            count += sum('"campaign_name":' in line and '"type":"SCHEMA"' not in line for line in file)
    return count


TOOLS = {"dlt": dlt_rows, "Airbyte CDK": airbyte_rows, "Singer SDK": singer_rows}


def main() -> None:
    tool, url, token, asked, name = sys.argv[1:]
    directory = Path(name)
    run = TOOLS[tool](url, token, json.loads(asked), directory)
    began = time.perf_counter()
    run()
    took = time.perf_counter() - began
    sys.stdout.write(json.dumps({"rows": rows_written(directory), "seconds": took}) + "\n")


if __name__ == "__main__":
    main()
