"""The base class of all models of a source file, and types that several of them use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
# Some vendors have statuses of their own beyond 599.
RefusalStatus = Annotated[int, Field(ge=400, le=999)]
Status = Annotated[int, Field(ge=200, le=999)]
UnusualStatus = Annotated[int, Field(ge=300, le=999)]
"""A refusal or a redirect."""
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhdw]$")]


class Declared(BaseModel):
    """A model that forbids unknown fields, so that a typo fails when the file is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)
