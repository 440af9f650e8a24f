"""Language models, which the VAEs of texts are judged against: they have no latents, and so most verbs no meaning."""

from __future__ import annotations

from vaekit.modalities import TextVAE

__all__ = ["NO_LATENTS", "is_language_model"]

NO_LATENTS = "a language model has no latents that anything could read"
"""Why a language model has none of what is read from latents."""


def is_language_model(description: object) -> bool:
    """Return whether a description is that of texts without latents, `model=lm`.

    Examples:
        >>> is_language_model(TextVAE(vocabulary=30, length=12, model="lm"))
        True
    """
    return isinstance(description, TextVAE) and description.model == "lm"
