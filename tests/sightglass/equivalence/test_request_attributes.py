"""The attributes of a request, on arbitrary ASGI scopes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.asgi import collect_request_attributes

from sightglass.requests.request_attributes import RequestAttributes, read_headers

_TEXTS = st.text(max_size=12)
_ADDRESSES = st.sampled_from(["127.0.0.1", "::1", "testserver", "", "/run/socket"]) | _TEXTS
_PORTS = st.sampled_from([None, 0, 80, "80", 443, "8000", "x"]) | st.integers(0, 65_535)
_PAIRS = st.tuples(_ADDRESSES, _PORTS)
_AGENTS = st.sampled_from([b"", b"curl/8", b"Googlebot", b"ALWAYSON", b"\xff\xfe", "ü".encode()]) | st.binary(
    max_size=9
)
_HEADERS = st.lists(
    st.tuples(st.just(b"user-agent"), _AGENTS.filter(lambda agent: b"\\" not in agent))
    | st.tuples(st.sampled_from([b"host", b"x-other"]), st.sampled_from([b"a", b"b:1"])),
    max_size=4,
)
_PARTS = {
    "method": st.sampled_from(["GET", "get", " POST ", "ODD", "QUERY", ""]) | _TEXTS,
    "scheme": st.sampled_from(["http", "https", "", None]),
    "http_version": st.sampled_from(["1.0", "1.1", "2", "", None]),
    "path": st.sampled_from(["/", "/a", ""]) | _TEXTS,
    "query_string": st.sampled_from([b"", "a=ü".encode(), b"a=1"])
    | _TEXTS.map(lambda text: text.encode(errors="replace")),
    "server": st.none() | _PAIRS,
    "client": st.none() | _PAIRS,
}
_SCOPES = st.fixed_dictionaries({"headers": _HEADERS}, optional=_PARTS)
# One for all examples: what it remembers of one request must not be seen in another.
_OURS = RequestAttributes()


@settings(max_examples=150, deadline=None, database=None)
@given(_SCOPES)
def test_attributes_are_those_of_the_stock_instrumentation(scope):
    """Names, values, types and even their order: a span that is full drops the oldest."""
    if scope.get("scheme", "") is None:
        del scope["scheme"]
    headers = read_headers(scope["headers"], frozenset())
    stock = collect_request_attributes(scope, _StabilityMode.HTTP)
    ours = _OURS.collect(scope, headers.user_agent)
    assert [(name, type(value), value) for name, value in ours.items()] == [
        (name, type(value), value) for name, value in stock.items()
    ]


@settings(max_examples=50, deadline=None, database=None)
@given(_SCOPES)
def test_no_text_is_longer_than_is_said(scope):
    """By this length is decided whether the SDK has to cut something."""
    agent = read_headers(scope["headers"], frozenset()).user_agent
    texts = [value for value in _OURS.collect(scope, agent).values() if isinstance(value, str)]
    assert max(map(len, texts), default=0) <= RequestAttributes.longest(scope, agent)
