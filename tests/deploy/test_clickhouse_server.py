"""ClickHouse's server configuration, checked by the engine's own parser and tables; the server is not run here."""

import hashlib
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from services.embedded_clickhouse.settings import ClickHouseSettings
from services.monitoring_api.migrate.files import load
from services.monitoring_api.migrate.rendering import Target, render
from services.monitoring_api.migrate.settings import SCHEMA_DIR
from tests.deploy.compose_file import DEPLOY
from tests.deploy.engine import ask, names


def parsed(text):
    """The root of a document, which has to be well-formed."""
    return ET.fromstring(text)  # noqa: S314 - our own files


USERS = parsed((DEPLOY / "clickhouse" / "users.xml").read_text())
SERVER = parsed((DEPLOY / "clickhouse" / "server.xml").read_text())
OURS = ("collector", "reader", "maintainer", "migrator")
# Elements of config.xml that are no settings with a name of their own in system.server_settings.
SECTIONS = {"logger", "merge_tree", "access_control_improvements"}


def grants(user):
    """The statements that give a user its rights."""
    return [query.text for query in USERS.findall(f"users/{user}/grants/query")]


def granted(user):
    """(privilege, database.table) of a user."""
    found = set()
    for query in grants(user):
        privileges, target = re.fullmatch(r"GRANT (.+) ON (\S+)", query).groups()
        found |= {(privilege, target) for privilege in privileges.split(", ")}
    return found


def test_the_engine_reads_every_grant():
    """Each GRANT parses, and a privilege that does not exist would not."""
    statements = [f"EXPLAIN AST {query} TO someone" for user in OURS for query in grants(user)]
    refused = [(sql, text) for sql, (accepted, text) in zip(statements, ask(statements), strict=True) if not accepted]
    assert not refused
    [(accepted, _)] = ask(["EXPLAIN AST GRANT INSERT EVERYTHING ON otel.* TO someone"])
    assert not accepted


def test_what_a_cluster_needs_stands_ready_in_a_comment():
    """The engine reads these grants too; they are for every table of the server, so that one server goes without."""
    text = (DEPLOY / "clickhouse" / "users.xml").read_text()
    [comment] = re.findall(r"<!--[^>]*?SIGHTGLASS_MIGRATE_CLUSTER.*?-->", text, re.DOTALL)
    found = re.findall(r"<query>(.+)</query>", comment)
    assert found == ["GRANT CLUSTER ON *.*", "GRANT REMOTE ON *.*"]
    assert all(accepted for accepted, _ in ask([f"EXPLAIN AST {query} TO someone" for query in found]))
    assert not {privilege for privilege, _ in granted("migrator")} & {"CLUSTER", "REMOTE"}


def test_only_our_four_users_come_in_and_none_has_a_password_in_the_file():
    """The user `default` is removed; passwords are hashes in a file that is not in the repository."""
    users = USERS.find("users")
    assert [user.tag for user in users] == ["default", *OURS]
    assert users.find("default").get("remove") == "remove"
    assert not [element for element in USERS.iter() if "password" in element.tag]


def test_the_collector_inserts_and_reads_nothing():
    """It has INSERT on exactly the tables that the exporter writes, and no SELECT on any table of ours."""
    exporter = {"otel_traces_ingest", "otel_logs"} | {
        f"otel_metrics_{kind}" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    }
    assert granted("collector") == {
        (privilege, f"otel.{table}") for table in exporter for privilege in ("INSERT", "SHOW COLUMNS")
    } | {("SELECT", "system.one")}


def test_the_reader_only_reads():
    """It has nothing but SELECT and SHOW, on our database and on system tables that the embedded one shows too."""
    from services.embedded_clickhouse.permitted import SYSTEM_TABLES

    assert {privilege for privilege, _ in granted("reader")} <= {"SELECT", "SHOW TABLES", "SHOW COLUMNS"}
    for _, target in granted("reader"):
        database, table = target.split(".")
        assert (database, table) == ("otel", "*") or (database == "system" and table in SYSTEM_TABLES)


def test_nobody_may_do_anything_outside_of_our_database():
    """No grant is global, on another database, or can be handed on."""
    for user in OURS:
        for query in grants(user):
            assert re.search(r" ON (otel\.[\w*]+|system\.\w+)$", query), query
            assert "GRANT OPTION" not in query
    assert {privilege for user in OURS for privilege, target in granted(user) if target.startswith("system.")} == {
        "SELECT"
    }


def test_tables_of_grants_exist():
    """The Collector's tables are those of the schema."""
    schema = "\n".join(
        statement for migration in load(SCHEMA_DIR) for statement in render(migration.template, Target("otel", 30, 400))
    )
    for _, target in granted("collector"):
        if target.startswith("otel."):
            assert f"CREATE TABLE IF NOT EXISTS {target}\n" in schema.replace(f"{target} \n", f"{target}\n"), target


def test_every_setting_of_a_profile_is_one_of_the_engine():
    """A misspelt setting would keep the server from starting."""
    known = names("SELECT name FROM system.settings")
    for profile in USERS.find("profiles"):
        for setting in profile:
            inner = list(setting) if setting.tag == "constraints" else [setting]
            assert {element.tag for element in inner} <= known, profile.tag


def test_every_setting_of_the_server_is_one_of_the_engine():
    """Server settings and those of MergeTree exist under these names."""
    known = names("SELECT name FROM system.server_settings")
    merge_tree = names("SELECT name FROM system.merge_tree_settings")
    assert {element.tag for element in SERVER.find("merge_tree")} <= merge_tree
    for element in SERVER:
        if element.tag not in SECTIONS and not element.tag.endswith(("_port", "_log")):
            assert element.tag in known, element.tag


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("max_execution_time", "reader_max_seconds"),
        ("max_memory_usage", "reader_max_memory_bytes"),
        ("max_rows_to_read", "reader_max_rows_to_read"),
        ("max_result_rows", "reader_max_result_rows"),
        ("max_threads", "reader_max_threads"),
        ("max_temporary_data_on_disk_size_for_query", "reader_max_temporary_bytes"),
        ("max_query_size", "max_query_bytes"),
        ("max_concurrent_queries_for_user", "reader_slots"),
    ],
)
def test_a_reader_has_the_limits_of_the_embedded_one_and_cannot_leave_them(setting, field):
    """Each limit has the embedded one's default, and a constraint that allows neither more nor none."""
    limit = int(ClickHouseSettings(_env_file=None).model_dump()[field])
    profile = USERS.find("profiles/sightglass_reader")
    assert int(profile.findtext(setting)) == limit
    constraint = profile.find(f"constraints/{setting}")
    if constraint.find("const") is None:
        assert (int(constraint.findtext("min")), int(constraint.findtext("max"))) == (1, limit)
    assert profile.findtext("readonly") == "2"


def test_profiles_and_quotas_of_users_exist():
    """Each user names a profile and a quota that are defined."""
    for user in OURS:
        for kind, section in (("profile", "profiles"), ("quota", "quotas")):
            assert USERS.find(f"{section}/{USERS.findtext(f'users/{user}/{kind}')}") is not None


def test_the_script_makes_secrets_once_with_hashes_for_the_server(tmp_path: Path):
    """Files have mode 0600, a second run changes none, the users file has the passwords' hashes and no password."""
    folder = tmp_path / "secrets"
    owner = f"{tmp_path.stat().st_uid}:{tmp_path.stat().st_gid}"

    def make():
        subprocess.run([DEPLOY / "make-secrets.sh", folder, owner], check=True, capture_output=True, timeout=60)
        return {path.name: path.read_text() for path in folder.iterdir()}

    made = make()
    assert make() == made
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    users = parsed(made["clickhouse-users.xml"])
    for user in OURS:
        password = made[f"clickhouse-{user}.password"]
        assert re.fullmatch("p[0-9a-f]{48}", password)
        assert users.findtext(f"users/{user}/password_sha256_hex") == hashlib.sha256(password.encode()).hexdigest()
        assert password not in made["clickhouse-users.xml"]
    assert len({made[name] for name in made}) == len(made)
    (folder / "otlp.token").write_text("")
    empty = subprocess.run(
        [DEPLOY / "make-secrets.sh", folder, owner], check=False, capture_output=True, text=True, timeout=60
    )
    assert empty.returncode == 1
    assert "otlp.token is empty" in empty.stderr
