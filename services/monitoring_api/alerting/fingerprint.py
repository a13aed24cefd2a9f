"""Identity: the same rule and labels always give the same fingerprint, in every process and version."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hexadecimal digits for a set of labels, their order aside."""
    return _of(tuple(sorted(labels.items())))


# Every look asks for every alert's, some thousand times the same.
@lru_cache(maxsize=65_536)
def _of(labels: tuple[tuple[str, str], ...]) -> str:
    text = json.dumps(dict(labels), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
