"""Identity: the same rule and labels always give the same fingerprint, in every process and version."""

import hashlib
import json
from collections.abc import Mapping


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hexadecimal digits for a set of labels, their order aside."""
    text = json.dumps(dict(labels), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
