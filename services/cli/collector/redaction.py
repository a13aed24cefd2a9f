r"""The redaction statements of `collector/config.yaml`, written from one list of patterns.

The statements repeat the same judgement for every place of every signal, and the Collector's configuration has no way to
say something once. So they are generated: `python -m services.cli.collector.redaction` rewrites the block between the
markers, and a test holds the file to this module.

Only string values are judged, never numbers: a card pattern matches one in three random floats. Attributes that are ids are
put back as they were, and the bodies of our own events are left alone. A list or a map inside an attribute or a body is
looked into; only when something in it has to go is it laid out flat (`key.0`, `key.name`), because OTTL cannot edit it in
place without an alpha feature gate.
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
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|"
    r"sk-[A-Za-z0-9_-]{16,}|[spr]k_(?:live|test)_\w{10,}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|ya29\.[\w-]{10,})",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)",
    # name=value in a text or a query string
    r"""(?P<name>(?i:(?:passw(?:or)?d|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|token)"""
    r"""["']?\s*[:=]\s*))(?:"[^"]*"|'[^']*'|[^\s"'&,;{}\[\]]+)""",
    # user and password of a URL
    r"(?P<scheme>://)[^/\s:@]+:[^/\s@]+(?P<at>@)",
    # e-mail addresses, also as they stand in a URL
    r"""[^\s@*/=&?<>,;:"'()\[\]{}|\\]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}""",
    # card numbers, in one piece or in equal groups; neither the decimals of a number nor a part of a UUID
    r"(?P<before>^|[^\w.])(?:(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6011|6[45]\d\d|35\d\d)(?:\d{12}|(?: \d{4}){3}|(?:-\d{4}){3})|"
    r"3[47]\d\d(?:\d{11}| \d{6} \d{5}|-\d{6}-\d{5})|3[068]\d\d(?:\d{10}| \d{6} \d{4}|-\d{6}-\d{4}))"
    r"(?P<after>$|[^\w.-]|\.(?:\D|$))",
)
BLOCKED_VALUES: Final = "|".join(_BLOCKED_VALUES)
REPLACEMENT: Final = "${header}${name}${scheme}${before}" + MASK + "${at}${after}"

# A list or a map below the first level shows in the JSON text as an opening bracket after a colon.
_NESTED: Final = r'":[\[{]'
_OWN_EVENT: Final = 'log.event_name == "ml.prediction" or log.event_name == "ml.label"'


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


def statements(signal: str, place: Place) -> list[str]:
    """The statements that redact one place of one signal, in the order in which they run."""
    attributes = f"{place.context}.{place.attributes}"
    written = _map_statements(place.context, attributes, f"Len({attributes}) > 0")
    written += [_replace(path) for path in TEXTS.get(place.context, ())]
    if signal == "log" and place.context == "log":
        written += _body_statements()
    return written


def _map_statements(context: str, attributes: str, condition: str) -> list[str]:
    kept, blocked, flat = (f'{context}.cache["{name}"]' for name in ("kept", "blocked", "flat"))
    return [
        f"set({kept}, {attributes}) where {condition} and IsMatch(Keys({attributes}), {quoted(_in_list(KEPT_KEYS))})",
        f"keep_matching_keys({kept}, {quoted(KEPT_KEYS)}) where {kept} != nil",
        f"set({blocked}, {attributes}) where {condition} and IsMatch(Keys({attributes}), {quoted(_in_list(BLOCKED_KEYS))})",
        f"keep_matching_keys({blocked}, {quoted(BLOCKED_KEYS)}) where {blocked} != nil",
        f'replace_all_patterns({blocked}, "value", "(?s)^.+$$", {quoted(MASK)}) where {blocked} != nil',
        f'merge_maps({attributes}, {blocked}, "update") where {blocked} != nil',
        f'replace_all_patterns({attributes}, "value", {quoted(BLOCKED_VALUES)}, {quoted(REPLACEMENT)}) where {condition}',
        f'merge_maps({attributes}, {kept}, "update") where {kept} != nil',
        f"set({flat}, {attributes}) where {condition} and IsMatch({attributes}, {quoted(_NESTED)})",
        *_flat_statements(flat, attributes, kept),
    ]


def _flat_statements(flat: str, target: str, kept: str) -> list[str]:
    secret = f"IsMatch({flat}, {quoted(BLOCKED_VALUES)}) or IsMatch(Keys({flat}), {quoted(_in_list(BLOCKED_KEYS))})"
    hidden = flat.replace('"flat"', '"hidden"')
    return [
        f"flatten({flat}) where {flat} != nil",
        f"set({hidden}, {flat}) where {flat} != nil and ({secret})",
        f"keep_matching_keys({hidden}, {quoted(BLOCKED_KEYS)}) where {hidden} != nil",
        f'replace_all_patterns({hidden}, "value", "(?s)^.+$$", {quoted(MASK)}) where {hidden} != nil',
        f'merge_maps({flat}, {hidden}, "update") where {hidden} != nil',
        f'replace_all_patterns({flat}, "value", {quoted(BLOCKED_VALUES)}, {quoted(REPLACEMENT)}) where {hidden} != nil',
        f'merge_maps({flat}, {kept}, "update") where {hidden} != nil and {kept} != nil',
        f"set({target}, {flat}) where {hidden} != nil",
    ]


def _body_statements() -> list[str]:
    """Bodies: a text by its values; a map as if it were attributes, and so a list, which is wrapped for it."""
    flat, kept = 'log.cache["flat"]', 'log.cache["kept"]'
    foreign = f"not ({_OWN_EVENT})"
    return [
        f"{_replace('log.body')} where IsString(log.body) and {foreign}",
        "set(log.cache, {})",
        f"set({flat}, log.body) where IsMap(log.body) and {foreign}",
        f"set({flat}, {{}}) where IsList(log.body) and {foreign}",
        f'set({flat}["body"], log.body) where IsList(log.body) and {foreign}',
        f"set({kept}, {flat}) where {flat} != nil",
        f"keep_matching_keys({kept}, {quoted(KEPT_KEYS)}) where {kept} != nil",
        *_flat_statements(flat, "log.body", kept),
    ]


def _in_list(pattern: str) -> str:
    r"""A pattern on one name, made to find it in the JSON list of all names."""
    return pattern.replace("^", r'(?:^|")').replace("$", r'(?:"|$)')


def _replace(path: str) -> str:
    return f"replace_pattern({path}, {quoted(BLOCKED_VALUES)}, {quoted(REPLACEMENT)})"


def render() -> str:
    """The block of `config.yaml` from marker to marker."""
    lines = [BEGIN, "  transform/redact:", "    error_mode: ignore"]
    for signal, places in PLACES.items():
        lines.append(f"    {signal}_statements:")
        for place in places:
            lines += [f"      - context: {place.context}", "        statements:"]
            lines += [f"          - '{_yaml(statement)}'" for statement in statements(signal, place)]
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
