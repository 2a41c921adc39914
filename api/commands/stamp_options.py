"""Options that `stamp` and `generate` share: what a stamp leaves out, and what it asks of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from provenance.evidence import Permission
from provenance.prompt_policy import PromptPolicy

PromptPolicyOption: TypeAlias = Annotated[
    PromptPolicy | None,
    typer.Option(help="What is declared of prompts: the texts (the default), keyed commitments, or nothing."),
]
PromptKeyOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="File whose bytes are the secret key of the commitments; at least 32.")
]
TrainingMiningOption: TypeAlias = Annotated[
    Permission | None, typer.Option(help="Whether others may train on the image and mine it; by default nothing is said.")
]
TrainingMiningTermsOption: TypeAlias = Annotated[
    str | None, typer.Option(help="The terms, in words or as a URL, where that is constrained.")
]
