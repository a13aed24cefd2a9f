"""What the API has not changed is not sent again; whoever may not ask any more is not shown it."""

import threading

import httpx
import pytest
from pydantic import SecretStr

from dashboard.answers import Answer, Catalogue
from dashboard.api_client import ApiClient, ApiConnection, catalogue, current
from dashboard.api_errors import ApiBrokenError, ApiDeniedError, StoreUnavailableError
from dashboard.identity import Identity
from dashboard.known_answers import KnownAnswers

BODY = {"metrics": [{"name": "request_rate"}]}


class Api:
    """Answers every question; what it says is named, and 304 to whoever knows the name."""

    def __init__(self) -> None:
        self.body: object = BODY
        self.status = 200
        self.etag: str | None = '"one"'
        self.asked: list[tuple[str | None, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        sent = request.headers.get("if-none-match")
        headers = {} if self.etag is None else {"ETag": self.etag}
        if self.status != 200:
            answer = httpx.Response(self.status, json={"detail": "no"})
        elif sent is not None and sent == self.etag:
            answer = httpx.Response(304, headers=headers)
        else:
            answer = httpx.Response(200, json=self.body, headers=headers)
        self.asked.append((sent, answer.status_code))
        return answer

    def connection(self) -> ApiConnection:
        """A connection to it."""
        return ApiConnection("http://api.test", transport=httpx.MockTransport(self))


@pytest.fixture
def api() -> Api:
    """An API."""
    return Api()


def test_an_unchanged_answer_costs_a_304(api: Api) -> None:
    """The second time the very same answer is given again; a changed one replaces it, and is then known."""
    with api.connection() as connection:
        client = ApiClient(connection, Identity())
        first = client.ask(catalogue())
        assert client.ask(catalogue()) is first
        api.body, api.etag = {"metrics": []}, '"two"'
        assert client.ask(catalogue()) == Catalogue()
        assert client.ask(catalogue()) == Catalogue()
    assert api.asked == [(None, 200), ('"one"', 304), ('"one"', 200), ('"two"', 304)]


def test_questions_and_people_are_told_apart(api: Api) -> None:
    """Other parameters, another token and another name behind the dashboard's token have nothing of each other's."""
    people = [
        Identity(),
        Identity(SecretStr("a")),
        Identity(SecretStr("a"), "ann", "viewer", delegated=True),
        Identity(SecretStr("a"), "bob", "viewer", delegated=True),
    ]
    with api.connection() as connection:
        for each in people:
            ApiClient(connection, each).ask(catalogue())
        api.body = {"metric": "x"}
        for window in ("5m", "10m"):
            ApiClient(connection, Identity()).ask(current("request_rate", window=window))
    assert {sent for sent, _ in api.asked} == {None}


@pytest.mark.parametrize(("status", "error"), [(401, ApiDeniedError), (503, StoreUnavailableError)])
def test_a_refusal_is_shown_and_not_what_was_known(api: Api, status: int, error: type[Exception]) -> None:
    """A revoked token, or a store that is away, is told as such; afterwards the answer holds again."""
    with api.connection() as connection:
        client = ApiClient(connection, Identity())
        first = client.ask(catalogue())
        api.status = status
        with pytest.raises(error):
            client.ask(catalogue())
        api.status = 200
        assert client.ask(catalogue()) is first


def test_a_304_that_nobody_asked_for_is_no_answer(api: Api) -> None:
    """A proxy that says `unchanged` of what was never had, or of another answer, is a broken API."""
    always = httpx.MockTransport(lambda _: httpx.Response(304, headers={"ETag": '"other"'}))
    with ApiConnection("http://api.test", transport=always) as connection, pytest.raises(ApiBrokenError):
        ApiClient(connection, Identity()).ask(catalogue())
    with api.connection() as connection:
        client = ApiClient(connection, Identity())
        client.ask(catalogue())
        connection.http = httpx.Client(base_url="http://api.test", transport=always)
        with pytest.raises(ApiBrokenError):
            client.ask(catalogue())


def test_what_has_no_name_or_no_shape_is_not_kept(api: Api) -> None:
    """Without an ETag nothing is asked for by one; an answer that could not be read is not known."""
    with api.connection() as connection:
        client = ApiClient(connection, Identity())
        api.etag = None
        client.ask(catalogue())
        api.body, api.etag = ["odd"], '"odd"'
        with pytest.raises(ApiBrokenError):
            client.ask(catalogue())
        api.body, api.etag = BODY, '"one"'
        client.ask(catalogue())
    assert {sent for sent, _ in api.asked} == {None}


def test_the_answers_keep_to_their_bytes() -> None:
    """The least recently used go first; one that is too large for its part is not kept, nor what it replaced."""
    known = KnownAnswers(40_000)
    for number in range(10):
        known.keep(number, '"e"', Answer(), 1_000)
        known.find(0)
    assert [number for number in range(10) if known.find(number)] == [0, 6, 7, 8, 9]
    known.keep(9, '"e"', Answer(), 2_000)
    assert known.find(9) is None
    nothing = KnownAnswers(0)
    nothing.keep(0, '"e"', Answer(), 0)
    assert nothing.find(0) is None


def test_threads_share_them() -> None:
    """Many at once neither fail nor lose count."""
    known = KnownAnswers(40_000)

    def work(seed: int) -> None:
        for number in range(2_000):
            known.keep((seed * number) % 13, '"e"', Answer(), number % 1_500)
            known.find(number % 13)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known._size == sum(each.size for each in known._answers.values()) <= 40_000
