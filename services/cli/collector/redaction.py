r"""The redaction statements of `collector/config.yaml`, written from one list of patterns.

The statements repeat the same judgement for every place of every signal, and the Collector's configuration has no way
to say something once. So they are generated: `python -m services.cli.collector.redaction` rewrites the block between
the markers, and a test holds the file to this module.

Only string values are judged, never numbers: a card pattern matches one in three random floats. Attributes that are ids
are put back as they were, and the bodies of our own events, and their marks of what was cut, are left alone. A list or
a map inside an attribute or a body is looked into; only when something in it has to go is it laid out flat (`key.0`,
`key.name`), because OTTL cannot edit it in place without an alpha feature gate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.cli.collector.cache import CONFIG_DIR

BEGIN: Final = "  # BEGIN redaction: written by `python -m services.cli.collector.redaction`, do not edit"
END: Final = "  # END redaction"
MASK: Final = "****"

# What a name says about its value. `token` counts at the end of a name only: `gen_ai.token.type` is no secret.
BLOCKED_KEYS: Final = (
    r"(?i)(?:authorization|cookie|passw(?:or)?d|passwd|passphrase|secret|credential|api[._-]?key|access[._-]?key|"
    r"private[._-]?key|e[._-]?mail|(?:credit|debit)[._-]?card|card[._-]?(?:number|num|no)|cvv|jwt|"
    r"tokens?(?:\.[0-9]+)*$|(?:^|[._-])ssn(?:[._-]|$))"
)

# Ids and names that a value pattern could take for something else.
KEPT_KEYS: Final = (
    r"(?i)^(?:(?:otel)?(?:parent_?)?(?:trace|span)[._]?id|service\..+|telemetry\..+|event\.name|"
    r"ml\.(?:prediction\.id|entity\.id|model\.name|model\.version|label\.observed_at|label\.arrived_at))$"
)

# Each alternative is masked as a whole, except for the named groups, which stay.
_BLOCKED_VALUES: Final = (
    # JSON web tokens
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    # Authorization: header or cookie in a text, to the end of its line
    r"""(?P<header>(?i:(?:authorization|cookie)["']?\s*[:=]\s*))[^\r\n]+""",
    # schemes of that header by themselves
    r"(?i:\bbearer\s+[A-Za-z0-9+/=._~-]{6,}|\bbasic\s+[A-Za-z0-9+/]{12,}={0,2})",
    # tokens known by their prefix
    (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|"
        r"sk-[A-Za-z0-9_-]{16,}|[spr]k_(?:live|test)_\w{10,}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|ya29\.[\w-]{10,})"
    ),
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)",
    # name=value in a text or a query string
    (
        r"""(?P<name>(?i:(?:passw(?:or)?d|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|token)"""
        r"""["']?\s*[:=]\s*))(?:"[^"]*"|'[^']*'|[^\s"'&,;{}\[\]]+)"""
    ),
    # user and password of a URL
    r"(?P<scheme>://)[^/\s:@]+:[^/\s@]+(?P<at>@)",
    # e-mail addresses, also as they stand in a URL
    r"""[^\s@*/=&?<>,;:"'()\[\]{}|\\]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}""",
    # card numbers, in one piece or in equal groups; neither the decimals of a number nor a part of a UUID
    (
        r"(?P<before>^|[^\w.])(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|6[45]\d\d|35\d\d)"
        r"(?:\d{12}|(?: \d{4}){3}|(?:-\d{4}){3})|"
        r"3[47]\d\d(?:\d{11}| \d{6} \d{5}|-\d{6}-\d{5})|3[068]\d\d(?:\d{10}| \d{6} \d{4}|-\d{6}-\d{4}))"
        r"(?P<after>$|[^\w.-]|\.(?:\D|$))"
    ),
)
BLOCKED_VALUES: Final = "|".join(_BLOCKED_VALUES)
REPLACEMENT: Final = "${header}${name}${scheme}${before}" + MASK + "${at}${after}"

# Looking for these in the text of all attributes at once is many times cheaper than the patterns above, and no pattern
# can match without one of them: most spans and records are let through here.
HINTS: Final = (
    "@", "%40", "passw", "passphrase", "secret", "credential", "token", "key", "authorization", "cookie", "mail",
    "card", "cvv", "jwt", "ssn", "bearer", "basic", "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    "glpat-", "xox", "akia", "asia", "sk-", "_live_", "_test_", "aiza", "hf_", "ya29.",
)  # fmt: skip
_CARD_HINT: Final = r"[^0-9a-z_.][2-6][0-9]{3}[ -]?[0-9]{4}"
_NESTED_HINTS: Final = ('":[', '":{')
_OWN_EVENT: Final = 'log.event_name == "ml.prediction" or log.event_name == "ml.label"'
# What was cut, by the names of features, which stand in the body too: `password:denied` tells no secret.
_MARKS: Final = "ml.truncated"


@dataclass(frozen=True)
class Place:
    """A place that attributes are found in: its OTTL context and the name of the map there."""

    context: str
    attributes: str = "attributes"


PLACES: Final = {
    "trace": (Place("resource"), Place("scope"), Place("span"), Place("spanevent")),
    "metric": (Place("resource"), Place("scope"), Place("datapoint"), Place("exemplar", "filtered_attributes")),
    "log": (Place("resource"), Place("scope"), Place("log")),
}
TEXTS: Final = {"span": ("span.name", "span.status.message"), "spanevent": ("spanevent.name",)}


def quoted(text: str) -> str:
    """An OTTL string literal as it stands in a Collector configuration, where `$` is written twice."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'


def statements(place: Place) -> list[str]:
    """The statements that redact one place, in the order in which they run."""
    attributes = f"{place.context}.{place.attributes}"
    written = _map_statements(place.context, attributes, f"Len({attributes}) > 0", f"String({attributes})")
    for path in TEXTS.get(place.context, ()):
        written += _text_statements(place.context, path, f'{path} != ""')
    if place.context == "log":
        foreign = f"not ({_OWN_EVENT})"
        written += _text_statements("log", "log.body", f"IsString(log.body) and {foreign}")
        # A list is judged as a map of one entry, and stays one.
        written += [
            "set(log.cache, {})",
            f'set(log.cache["body"], log.body) where IsList(log.body) and {foreign}',
            'set(log.body, log.cache) where log.cache["body"] != nil',
        ]
        written += _map_statements("log", "log.body", f"IsMap(log.body) and {foreign}", "String(log.body)")
    return written


def _map_statements(context: str, attributes: str, condition: str, as_text: str) -> list[str]:
    text, look, kept, blocked = (f'{context}.cache["{name}"]' for name in ("text", "look", "kept", "blocked"))
    flat, hidden, marks = (f'{context}.cache["{name}"]' for name in ("flat", "hidden", "marks"))
    has_marks = attributes == "log.attributes"
    # A number that is not one (NaN) has no JSON text: then everything is looked at.
    nested = " or ".join([f"{text} == nil", *(f"Index({text}, {quoted(hint)}) >= 0" for hint in _NESTED_HINTS)])
    return [
        *_look(context, as_text, condition),
        *(_take_aside(attributes, marks, look) if has_marks else []),
        f"set({kept}, {attributes}) where {look} == true",
        f"keep_matching_keys({kept}, {quoted(KEPT_KEYS)}) where {look} == true",
        *_mask_blocked(attributes, blocked, f"{look} == true"),
        f"{_replace_all(attributes)} where {look} == true",
        f'merge_maps({attributes}, {kept}, "update") where {look} == true',
        f"set({flat}, {attributes}) where {look} == true and ({nested})",
        f"flatten({flat}) where {flat} != nil",
        f"set({hidden}, {flat}) where {flat} != nil",
        *_mask_blocked(hidden, blocked, f"{flat} != nil"),
        f"{_replace_all(hidden)} where {flat} != nil",
        f'merge_maps({hidden}, {kept}, "update") where {flat} != nil',
        f"set({attributes}, {hidden}) where {flat} != nil and {hidden} != {flat}",
        *([f'set({attributes}["{_MARKS}"], {marks}) where {marks} != nil'] if has_marks else []),
    ]


def _take_aside(attributes: str, marks: str, look: str) -> list[str]:
    """Takes our own events' marks out of the attributes, to be put back when those are redacted."""
    return [
        f'set({marks}, {attributes}["{_MARKS}"]) where {look} == true and ({_OWN_EVENT})',
        f'delete_key({attributes}, "{_MARKS}") where {marks} != nil',
    ]


def _look(context: str, as_text: str, condition: str) -> list[str]:
    """Sets `look` when something in a text hints at a secret."""
    text, look = f'{context}.cache["text"]', f'{context}.cache["look"]'
    hints = " or ".join(
        [
            f"{text} == nil",
            *(f"Index({text}, {quoted(hint)}) >= 0" for hint in HINTS),
            f"IsMatch({text}, {quoted(_CARD_HINT)})",
        ]
    )
    return [
        f"set({context}.cache, {{}})",
        f'set({text}, ConvertCase({as_text}, "lower")) where {condition}',
        f"set({look}, true) where {condition} and ({hints})",
    ]


def _mask_blocked(attributes: str, blocked: str, condition: str) -> list[str]:
    """Masks the string values of blocked keys."""
    return [
        f"set({blocked}, {attributes}) where {condition}",
        f"keep_matching_keys({blocked}, {quoted(BLOCKED_KEYS)}) where {condition}",
        f'replace_all_patterns({blocked}, "value", "(?s)^.+$$", {quoted(MASK)}) where {condition}',
        f'merge_maps({attributes}, {blocked}, "update") where {condition}',
    ]


def _text_statements(context: str, path: str, condition: str) -> list[str]:
    look = f'{context}.cache["look"]'
    replace = f"replace_pattern({path}, {quoted(BLOCKED_VALUES)}, {quoted(REPLACEMENT)}) where {look} == true"
    # The card hint wants a character before the number.
    return [*_look(context, f'Concat([" ", {path}], "")', condition), replace]


def _replace_all(attributes: str) -> str:
    return f'replace_all_patterns({attributes}, "value", {quoted(BLOCKED_VALUES)}, {quoted(REPLACEMENT)})'


def render() -> str:
    """The block of `config.yaml` from marker to marker."""
    lines = [BEGIN, "  transform/redact:", "    error_mode: ignore"]
    for signal, places in PLACES.items():
        lines.append(f"    {signal}_statements:")
        for place in places:
            lines += [f"      - context: {place.context}", "        statements:"]
            lines += [f"          - '{_yaml(statement)}'" for statement in statements(place)]
    return "\n".join([*lines, END])


def _yaml(statement: str) -> str:
    return statement.replace("'", "''")


def rewritten(config: str) -> str:
    """A configuration with its redaction block as this module writes it."""
    head, _, rest = config.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + render() + tail


def rewrite(path: Path) -> None:
    """Writes the block into a configuration file."""
    path.write_text(rewritten(path.read_text()))


if __name__ == "__main__":
    rewrite(CONFIG_DIR / "config.yaml")
