"""What every stamp of this installation says or leaves out, from settings: the prompt rule and the rights holder's wishes."""

from __future__ import annotations

from api.settings import Settings
from provenance.errors import CredentialMissing, RecordInvalid, UsageInvalid
from provenance.evidence import Permission, UsageWish, Use
from provenance.prompt_policy import PromptPolicy, PromptRule


def prompt_rule(settings: Settings) -> PromptRule:
    """What becomes of prompts.

    Raises:
        CredentialMissing: The policy is `keyed`, and there is no key, or a short one.
    """
    if settings.prompt_policy is not PromptPolicy.KEYED:
        return PromptRule(settings.prompt_policy)
    if settings.prompt_key_file is None:
        raise CredentialMissing("the prompt policy `keyed` needs a secret key: set prompt_key_file")
    try:
        return PromptRule(settings.prompt_policy, settings.prompt_key_file.read_bytes())
    except (OSError, RecordInvalid) as err:
        raise CredentialMissing(f"the prompt key cannot be used: {err}") from err


def usage_wishes(settings: Settings) -> tuple[UsageWish, ...]:
    """One wish for every use, as the setting has one answer for all of them.

    Raises:
        UsageInvalid: Something is constrained without saying how, or the other way round.
    """
    permission, terms = settings.training_mining, settings.training_mining_terms.strip()
    if (permission is Permission.CONSTRAINED) != bool(terms):
        raise UsageInvalid("training_mining_terms go with training_mining=constrained, and with nothing else")
    return () if permission is None else tuple(UsageWish(use, permission, terms) for use in Use)
