"""`sightglass tokens`, as a person uses it."""

import json

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from services.web.access.token_file import TokenFile


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run(*arguments)`` is what the command says and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTGLASS_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments):
        return CliRunner().invoke(cli, ["tokens", *arguments])

    run.folder = tmp_path / "data"
    return run


def lines(run):
    """The audit log of the command line."""
    path = run.folder / "audit" / "cli.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_token_is_shown_once_and_kept_nowhere(run):
    """On standard output stands the token alone; no file of the data folder holds it."""
    made = run("create", "dash", "--role", "operator", "--delegate", "--expires", "90d")
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    assert text.startswith("sgt_")
    assert "operate, read" in made.stderr
    assert text not in made.stderr
    secret = text[17:]
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    listed = run("list").output
    assert "dash" in listed
    assert "(delegate)" in listed
    assert secret not in listed


def test_the_life_of_a_token_in_json(run):
    """create, rotate, list, revoke: what a script needs of each, and a line in the audit log for each change."""
    made = json.loads(run("create", "ci", "--scope", "ingest-labels", "--scope", "read", "--json").output)
    assert made["token"].startswith(f"sgt_{made['id']}_")
    assert (made["scopes"], made["state"], made["expires_at"]) == (["ingest-labels", "read"], "good", None)
    turned = json.loads(run("rotate", "ci", "--overlap", "1h", "--json").output)
    assert turned["scopes"] == made["scopes"]
    assert [each["id"] for each in turned["replaces"]] == [made["id"]]
    assert turned["replaces"][0]["expires_at"] is not None
    assert [each["state"] for each in json.loads(run("list", "--json").output)["tokens"]] == ["good", "good"]
    revoked = json.loads(run("revoke", made["id"], "--json").output)["revoked"]
    assert [(each["id"], each["state"]) for each in revoked] == [(made["id"], "revoked")]
    assert "token" not in revoked[0]
    assert run("revoke", "ci").exit_code == 0
    again = run("revoke", "ci")
    assert again.exit_code == 0
    assert again.output.count("was revoked already") == 2
    found = lines(run)
    assert [line["action"] for line in found] == ["token.create", "token.rotate", *["token.revoke"] * 3]
    assert {(line["process"], line["outcome"]) for line in found} == {("cli", "ok")}
    assert all(line["actor"].startswith("local:") for line in found)


def test_a_whole_token_may_be_given_and_only_its_id_is_written_down(run):
    """Whoever has nothing else to name it by; a damaged one is refused without being shown."""
    text = run("create", "ci", "--role", "viewer").stdout.strip()
    assert run("revoke", text).exit_code == 0
    assert lines(run)[-1]["target"] == text[4:16]
    damaged = run("revoke", text[:-1])
    assert damaged.exit_code != 0
    assert text[17:30] not in damaged.output
    as_name = run("create", text[:-1], "--role", "viewer")
    assert as_name.exit_code != 0
    assert text[17:30] not in as_name.output + json.dumps(lines(run))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "x"), "--role, or --scope"),
        (("create", "x", "--role", "viewer", "--scope", "read"), "--role, or --scope"),
        (("create", "x", "--role", "root"), "viewer"),
        (("create", "x", "--role", "viewer", "--expires", "soon"), "90d"),
        (("create", "x", "--role", "viewer", "--expires", "99999w"), "hundred years"),
        (("create", "a b", "--role", "viewer"), "can't be a token's name"),
        (("rotate", "nix"), "tokens create nix"),
        (("revoke", "nix"), "tokens list"),
    ],
)
def test_what_cant_be_done_says_why_and_what_can(run, arguments, says):
    """With an exit code that is not 0, and without a token made."""
    answer = run(*arguments)
    assert answer.exit_code != 0
    assert says in answer.output
    assert TokenFile(run.folder / "secrets" / "tokens.json").read() == ()


def test_a_refused_change_is_written_down(run):
    """Also what failed stands in the audit log."""
    run("revoke", "nix")
    assert [(line["action"], line["target"], line["outcome"]) for line in lines(run)] == [
        ("token.revoke", "nix", "failed")
    ]


@pytest.mark.parametrize("verb", [("list",), ("create", "x", "--role", "viewer"), ("rotate", "x"), ("revoke", "x")])
def test_a_broken_file_is_refused_by_every_verb(run, verb):
    """And left as it is."""
    path = run.folder / "secrets" / "tokens.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    path.chmod(0o600)
    answer = run(*verb)
    assert answer.exit_code != 0
    assert "is damaged" in answer.output
    assert path.read_text() == "{"


def test_nothing_is_changed_that_cant_be_written_down(run):
    """The audit folder is a file."""
    run.folder.mkdir()
    (run.folder / "audit").write_text("")
    answer = run("create", "x", "--role", "viewer")
    assert answer.exit_code != 0
    assert "SIGHTGLASS_AUDIT_DIR" in answer.output
    assert not (run.folder / "secrets").exists()
