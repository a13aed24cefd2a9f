"""`/rules`: what is in force and how it goes, and backtests over real rows: those of the worker, graded by labels."""

import random
from datetime import timedelta

import pytest
import yaml

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.evaluation import Change, StoredAlert, advance, look
from services.monitoring_api.alerting.models import AlertState, AlertStatus, Health
from services.monitoring_api.alerting.replay import follow
from services.monitoring_api.alerting.rule_set import RuleSource, load_rules
from services.monitoring_api.alerting.rules_in_force import RuleInForce, write_rules
from services.monitoring_api.alerting.slots import write_slot
from services.monitoring_api.alerting.store import record_worker, write_changes
from services.monitoring_api.worker.store import Store, prepare_folder
from tests.monitoring_api.store import T0, ChdbStore, label, prediction, span

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOW = T0.timestamp()
RULES = """
groups:
  - name: requests
    interval: 2m
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        window: 5m
        group_by: [route]
        condition: "> 20%"
        resolve_condition: "< 10%"
        for: 2m
        keep_firing_for: 3m
        minimum_count: 5
        no_data: ok
        annotations: {summary: "{{ labels.route }} {{ value | percent }}"}
      - {alert: Slow, metric: latency_p95, window: 30m, filter: {service: ml-api}, condition: "> 0.5"}
      - {alert: Silent, metric: request_rate, absent: true, window: 3m, for: 1m}
      - {alert: Half, metric: request_rate, window: 5m, change: {to: previous, as: ratio}, condition: "< 0.5"}
      - {alert: Budget, slo: {objective: 99%, indicator: availability}, group_by: [route]}
      - alert: Stated
        sql: >-
          SELECT HttpRoute AS route, countIf(HttpStatusCode >= 500) AS value, count() AS count FROM otel_traces
          WHERE Timestamp >= {from:DateTime64(9)} AND Timestamp < {to:DateTime64(9)} GROUP BY route
        window: 5m
        condition: "> 10"
  - name: models
    interval: 10m
    rules:
      - alert: ScoreShift
        metric: score_mean
        window: 1h
        filter: {model: flight-delay}
        condition: "> 0.7"
        bad_when: {metric: accuracy, condition: "< 70%", window: 1h}
"""


@pytest.fixture(scope="module")
def history():
    """Errors, slow requests and a silence in three hours; and a model that was wrong for two hours of fifteen."""
    store = ChdbStore()
    chance = random.Random(5)
    spans, events = [], []
    for second in range(0, 3 * 3600, 6):
        at = T0 - timedelta(seconds=second + chance.random())
        ago = second / 60
        if 60 < ago < 72:
            continue  # nobody asked
        bad = 20 < ago < 40
        slow = 85 < ago < 110 and chance.random() < 0.5
        route = chance.choice(["/a", "/b"])
        failed = bad and route == "/a" and chance.random() < 0.6
        spans.append(span(at, seconds=0.9 if slow else 0.05, route=route, status=500 if failed else 200))
    for number in range(15 * 120):
        minute = number / 2
        at = T0 - minute * MINUTE
        wrong = 240 < minute < 360
        score = 0.9 if wrong else chance.choice([0.2, 0.8])
        events.append(prediction(at, score=score, prediction_id=f"b{number}"))
        truth = "on_time" if wrong else "late" if score > 0.5 else "on_time"
        if minute > 20 and chance.random() < 0.95:
            events.append(label(at + 20 * MINUTE, f"b{number}", truth, ArrivedAt=(at + 20 * MINUTE).strftime("%F %T")))
    store.insert("otel_traces", spans)
    store.insert("otel_logs", events)
    yield store
    store.release()


@pytest.fixture
async def rules(tmp_path):
    """The rules, and the worker's store that holds them."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    found = load_rules([path], metric_catalogue())
    url = f"sqlite:///{tmp_path / 'worker' / 'alerts.sqlite'}"
    prepare_folder(url)
    store = Store(url)
    store.create()
    intervals = {group.name: group.interval for group in found.groups}

    def kept(source: RuleSource):
        return RuleInForce(source.group, source.position, intervals[source.group], 5.0, source.definition, NOW - 60)

    def work(connection):
        write_rules(connection, [kept(source) for source in found.sources])
        write_slot(connection, "requests", NOW - 30)
        (first, *_) = found.rules()
        labels = first.alert_labels({"route": "/a"})
        state = AlertState(AlertStatus.FIRING, error="down", health=Health.ERROR, fired_at=NOW - 90)
        write_changes(connection, [Change(StoredAlert("f" * 16, first.alert, first.key, labels, {}, state), ())])
        record_worker(connection, "w", heartbeat_at=NOW, last_evaluation_at=NOW, error="rules.yaml:3: unknown key")

    await store(work)
    yield found
    store.close()


async def test_rules_in_force_are_listed(store, asking, rules):
    """With their text, their last look and their health; and what is wrong with the file on disk."""
    async with asking(store) as api:
        answer = (await api.get("/api/v1/rules")).json()
    assert [rule["name"] for rule in answer["rules"]][:2] == ["ScoreShift", "TooManyErrors"]
    assert (answer["since"], answer["error"]) == ("2026-03-02T09:59:00Z", "rules.yaml:3: unknown key")
    shift, errors, *_ = answer["rules"]
    assert yaml.safe_load(errors["text"]) == errors["definition"] == rules.sources[0].definition
    assert {
        key: errors[key] for key in ("group", "health", "error", "firing", "pending", "condition", "for_seconds")
    } == {
        "group": "requests",
        "health": "error",
        "error": "down",
        "firing": 1,
        "pending": 0,
        "condition": "> 0.2",
        "for_seconds": 120.0,
    }
    assert errors["last_evaluated_at"] == "2026-03-02T09:59:30Z"
    assert (shift["health"], shift["last_evaluated_at"], shift["interval_seconds"]) == ("unknown", None, 600.0)


async def test_without_a_worker_there_are_none(store, asking):
    """An empty list, and no rule to backtest."""
    async with asking(store) as api:
        assert (await api.get("/api/v1/rules")).json() == {"rules": [], "since": None, "error": None}
        answer = await api.post("/api/v1/rules/Nobody/backtest", json={"from": "now-1h"})
        assert answer.status_code == 404
        assert "/api/v1/rules lists them" in answer.json()["detail"]


async def live(database, rules, interval, start, end):
    """The transitions of a worker: one look after another, each at its time."""
    told, slot = [], start
    stored = {rule.key: {} for rule in rules}
    while slot < end:
        measure = ClickHouseMeasure(database, delay_seconds=5, clock=lambda at=slot: at)
        questions = dict.fromkeys(question for rule in rules for question in rule.questions(slot))
        answers = await measure(tuple(questions), slot)
        for rule in rules:
            mine = stored[rule.key]
            looks = look(rule, answers, [alert.labels for alert in mine.values()], slot)
            changes = advance(rule, interval, looks, mine, slot)
            follow(mine, changes)
            told += [(c.alert.rule, c.alert.fingerprint, str(e.kind), e.at) for c in changes for e in c.events]
        slot += interval
    return told


async def test_a_backtest_is_what_the_worker_would_have_done(history, asking, rules):
    """Of the same hours and rows: errors, percentiles, absence, change, objectives and statements, by group."""
    (group,) = [group for group in rules.groups if group.name == "requests"]
    start = NOW - 2 * 3600
    told = await live(history, group.rules, 120.0, start, NOW)
    history.asked.clear()
    found = []
    async with asking(history) as api:
        for name in dict.fromkeys(rule.alert for rule in group.rules):
            answer = await api.post(f"/api/v1/rules/{name}/backtest", json={"from": str(start), "to": str(NOW)})
            assert answer.status_code == 200, answer.text
            tests = answer.json()["backtests"]
            for series in (series for test in tests for series in test["series"]):
                for event in series["transitions"]:
                    at = event["at"].replace("Z", "+00:00")
                    found.append((name, series["fingerprint"], event["kind"], at))
            assert [test["looks"] for test in tests] == [60 for rule in group.rules if rule.alert == name]
    assert {one[0] for one in told if one[2] == "fired"} == {
        "TooManyErrors",
        "Slow",
        "Silent",
        "Half",
        "Budget",
        "Stated",
    }

    def moment(one):
        return (*one[:3], T0.fromtimestamp(one[3], T0.tzinfo).isoformat())

    assert sorted((*one[:3], one[3].replace(".000", "")) for one in found) == sorted(map(moment, told))
    slides = [query for query in history.asked if "Slide" in query.sql]
    assert 0 < len(slides) < 40


async def test_a_given_rule_is_backtested_like_one_in_force(history, asking, rules):
    """The same text gives the same firings, as a mapping and as a list of one."""
    source = next(each for each in rules.sources if each.definition["alert"] == "TooManyErrors")
    text = yaml.safe_dump(dict(source.definition))
    asked = {"from": "now-2h", "to": "now", "interval": "2m"}
    async with asking(history) as api:
        named = (await api.post("/api/v1/rules/TooManyErrors/backtest", json=asked)).json()["backtests"]
        for given in (text, yaml.safe_dump([dict(source.definition)])):
            answer = await api.post("/api/v1/rules/backtest", json={**asked, "rule": given})
            assert answer.status_code == 200, answer.text
            assert answer.json()["backtests"] == named
    assert named[0]["fired"] > 0


async def test_firings_are_graded_by_labels(history, asking, rules):
    """The score shifts where the labels later say that the model was wrong: one firing, right, ahead of the labels."""
    async with asking(history) as api:
        answer = (await api.post("/api/v1/rules/ScoreShift/backtest", json={"from": "now-10h"})).json()
        default = (
            await api.post(
                "/api/v1/rules/ScoreShift/backtest",
                json={"from": "now-10h", "bad_when": {"metric": "accuracy", "condition": "< 0.1", "window": "1h"}},
            )
        ).json()
    (answer,), (default,) = answer["backtests"], default["backtests"]
    grade = answer["grade"]
    assert (answer["fired"], grade["bad_when"]) == (1, "accuracy over 1h < 0.7")
    assert (grade["precision"], grade["recall"], grade["firings"]["right"]) == (1.0, 1.0, 1)
    (episode,) = grade["episodes"]
    assert episode["found"]
    (firing,) = answer["series"][0]["firing"]
    assert firing["verdict"] == "right"
    # Labels take twenty minutes; the score says so within the hour of its window.
    assert grade["label_delay_seconds"] == pytest.approx(1200, rel=0.3)
    assert firing["lead_seconds"] == grade["lead_seconds"] > -1800
    assert default["grade"]["bad_when"] == "accuracy over 1h < 0.1"
    shown = answer["series"][0]["points"]
    assert [at for at, _ in shown] == sorted(at for at, _ in shown)
    assert max(value for _, value in shown if value is not None) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({"from": "now-200d"}, "to", "looks are too many"),
        ({"from": "yesterday"}, "from", "not a time"),
        ({"from": "now"}, "from", "not before to"),
        ({"from": "now-1h", "interval": "1x"}, "interval", "not a duration"),
        ({"from": "now-1h", "interval": "100ms"}, "interval", "shorter than a second"),
        (
            {"from": "now-1h", "bad_when": {"metric": "error_ratio", "condition": "> 1"}},
            "bad_when.metric",
            "labels make",
        ),
        (
            {"from": "now-1h", "bad_when": {"metric": "accuracy", "condition": "bad"}},
            "bad_when.condition",
            "comparison",
        ),
        ({}, "from", "equired"),
        ({"from": "now-1h", "till": "now"}, "till", "unknown"),
    ],
)
@pytest.mark.usefixtures("rules")
async def test_a_wrong_request_names_its_field(api, body, field, text):
    """As 422, with what would do."""
    answer = await api.post("/api/v1/rules/TooManyErrors/backtest", json=body)
    assert answer.status_code == 422, answer.text[:300]
    (error,) = answer.json()["errors"]
    assert error["field"].removeprefix("body.") == field
    assert text in error["message"]


async def test_spans_that_are_gone_are_not_taken_for_quiet(history, asking, rules):
    """Before the rows that are kept there is no backtest, and the answer says from when on there is one."""
    try:
        history.rows(
            f"INSERT INTO otel.maintenance_state (Name, Value) VALUES ('whole_from:otel_traces', {int(NOW) - 3600})"
        )
        async with asking(history) as api:
            answer = await api.post("/api/v1/rules/TooManyErrors/backtest", json={"from": "now-2h"})
            fine = await api.post("/api/v1/rules/TooManyErrors/backtest", json={"from": "now-50m"})
    finally:
        history.rows("TRUNCATE TABLE otel.maintenance_state")
    assert (answer.status_code, fine.status_code) == (422, 200)
    assert answer.json()["errors"][0]["message"] == "raw spans of that time are gone; 2026-03-02T09:05:00Z would do"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alert: A\nmetric: no_such\ncondition: '> 1'", "line 2: metric: "),
        ("alert: A\nmetric: latency_p95", "a rule needs `condition:`"),
        ("- alert: A\n  metric: latency_p95\n  condition: '> 1'\n  flavour: x", "line 4: flavour: unknown key"),
        ("alert: A\nsql: SELECT 1 AS value\ncondition: '> 1'", "line 2: sql: a statement is not taken over HTTP"),
        ('alert: A\nmetric: latency_p95\ncondition: "> 1"\nfilter: {service: "a\\0b"}', "line 4: filter: holds a NUL"),
        ("just words", "is not one rule"),
        ("a: [", "not valid YAML"),
    ],
)
async def test_what_is_wrong_with_a_given_rule_is_told_with_its_line(store, asking, text, said):
    """A 422 that names the rule, and nothing is asked of the database."""
    async with asking(store) as api:
        answer = await api.post("/api/v1/rules/backtest", json={"rule": text, "from": "now-1h"})
    assert answer.status_code == 422
    (problem, *_) = answer.json()["errors"]
    assert problem["field"] == "rule"
    assert said in problem["message"]
    assert store.asked == []
