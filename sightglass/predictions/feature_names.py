"""Which features may leave the process, by name."""

from typing import Final

from sightglass.predictions.json_text import quick_json
from sightglass.settings import Settings

# Services have a few hundred names; a caller that makes them up must not fill the memory.
_MOST: Final = 4_096


class FeatureNames:
    """Judges names, and remembers those that passed.

    Args:
        settings: What is denied, and what alone is allowed.

    Attributes:
        known: Names that are clean and allowed.
        clean: Names that need no cleaning, of features or not.
        write_json: The quick serializer of plain values, where there is one.
    """

    def __init__(self, settings: Settings) -> None:
        self._denied = settings.denied_features
        self._allowed = settings.allowed_features
        self.known: set[str] = set()
        self.clean: set[str] = set()
        self.write_json = quick_json()

    def refusal(self, name: str) -> str:
        """Why a feature is not recorded; empty when it is."""
        if self.is_denied(name):
            return "denied"
        return "not-allowed" if self._allowed is not None and name.lower() not in self._allowed else ""

    def is_denied(self, name: str) -> bool:
        """Whether nothing called so may leave the process, however deep in a feature it lies."""
        lower = name.lower()
        return lower in self._denied or lower.replace("-", "_").replace(" ", "_") in self._denied

    def remember(self, name: str) -> None:
        """A clean name passed."""
        if len(self.known) < _MOST:
            self.known.add(name)

    def remember_clean(self, name: str) -> None:
        """A name needed no cleaning; whether a feature may be called so was not asked."""
        if len(self.clean) < _MOST:
            self.clean.add(name)
