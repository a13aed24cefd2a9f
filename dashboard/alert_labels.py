"""An alert's labels in words, beside the name of its rule."""

from collections.abc import Mapping
from typing import Final

_TOLD_OTHERWISE: Final = frozenset({"alertname", "severity"})


def own_labels(labels: Mapping[str, str]) -> str:
    """What tells the alerts of one rule apart, such as `route=/v1/predict`; empty where nothing does."""
    return ", ".join(f"{key}={value}" for key, value in labels.items() if key not in _TOLD_OTHERWISE)
