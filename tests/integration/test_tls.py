"""TLS with certificates of an authority of the test's own: both listeners, between them, and towards ClickHouse."""

import ssl
import warnings

import httpx
import pytest
import trustme

from services.ml_api.making import make_model
from tests.integration.guarded_apis import GuardedApis

pytestmark = pytest.mark.integration
CLICKHOUSE = "services.embedded_clickhouse"
ML_API, MONITORING_API = "services.ml_api", "services.monitoring_api"
MAINTENANCE = "services.monitoring_api.maintenance"


class Certificates:
    """An authority, a server's certificate for 127.0.0.1, and another authority that signed nothing of it."""

    def __init__(self, folder):
        authority, stranger = trustme.CA(), trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        self.cert, self.key, self.other_key = folder / "cert.pem", folder / "key.pem", folder / "other-key.pem"
        authority.cert_pem.write_to_path(self.ca)
        stranger.cert_pem.write_to_path(self.other_ca)
        for position, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(self.cert, append=position > 0)
        issued.private_key_pem.write_to_path(self.key)
        stranger.issue_cert("127.0.0.1").private_key_pem.write_to_path(self.other_key)

    def env(self, *processes):
        """The variables by which these processes serve HTTPS, and our clients trust them."""
        served = {}
        for process in processes:
            served[f"SIGHTGLASS_{process}_TLS_CERT_FILE"] = str(self.cert)
            served[f"SIGHTGLASS_{process}_TLS_KEY_FILE"] = str(self.key)
        return {**served, "SIGHTGLASS_TLS_CA_FILE": str(self.ca)}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates in a folder."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A models folder with one version, and its name."""
    folder = tmp_path_factory.mktemp("models")
    return folder / "models", make_model(folder / "models", cache_folder=folder, every=150).card.version


@pytest.fixture
def apis(tmp_path, certificates, model):
    """``apis(**env)`` are the processes on a new data folder, not started; they are stopped at the end."""
    made = []

    def apis(**env):
        made.append(GuardedApis(tmp_path, SIGHTGLASS_ML_API_MODELS_DIR=str(model[0]), **env))
        made[-1].verify = ssl.create_default_context(cafile=certificates.ca)
        return made[-1]

    yield apis
    for each in made:
        each.stop()


def test_both_apis_speak_https_and_trust_each_other_by_the_ca_file(apis, certificates, model):
    """A promotion goes over both; HSTS is said; plain HTTP and TLS before 1.2 get nowhere."""
    running = apis(**certificates.env("ML_API", "MONITORING_API"))
    running.start(ML_API, MONITORING_API)
    running.wait()
    running.until(lambda: running.get(f"{running.ml_api}/readyz").status_code == 200)
    admin = running.token("root", "--role", "admin")
    promoted = running.post(
        f"{running.monitoring_api}/api/v1/models/flight-delay/promote", {"version": model[1]}, admin
    )
    assert (promoted.status_code, promoted.json()["active"]) == (200, model[1])
    for url in (running.ml_api, running.monitoring_api):
        assert running.get(f"{url}/healthz").headers["strict-transport-security"] == "max-age=31536000"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{url}/healthz", trust_env=False)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url.replace('https', 'http')}/healthz", trust_env=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old = ssl.create_default_context(cafile=certificates.ca)
            # As low as the library goes, so that it is the server who refuses.
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError, match="SSL"):
            httpx.get(f"{url}/healthz", verify=old, trust_env=False)
        newer = ssl.create_default_context(cafile=certificates.ca)
        newer.maximum_version = ssl.TLSVersion.TLSv1_2
        assert httpx.get(f"{url}/healthz", verify=newer, trust_env=False).status_code == 200


def test_an_ml_api_that_is_not_trusted_is_not_asked(apis, certificates, model):
    """Without the authority's certificate a promotion is a 503 that names the setting."""
    running = apis(
        **{**certificates.env("ML_API", "MONITORING_API"), "SIGHTGLASS_TLS_CA_FILE": str(certificates.other_ca)}
    )
    running.start(ML_API, MONITORING_API)
    running.wait()
    admin = running.token("root", "--role", "admin")
    answer = running.post(f"{running.monitoring_api}/api/v1/models/flight-delay/promote", {"version": model[1]}, admin)
    assert answer.status_code == 503
    assert "SIGHTGLASS_TLS_CA_FILE" in answer.json()["detail"]


@pytest.mark.parametrize("module", [ML_API, MONITORING_API])
def test_certificates_that_cant_be_used_keep_a_process_from_starting(apis, certificates, module):
    """Half a pair, a missing file, a key of another certificate, no PEM: the message names the setting and the file."""
    prefix = f"SIGHTGLASS_{'ML_API' if module == ML_API else 'MONITORING_API'}_TLS_"
    running = apis()
    pairs = {
        (certificates.cert, None): f"{prefix}KEY_FILE is missing",
        (certificates.cert, certificates.key.with_name("none")): "none can't be read",
        (certificates.cert, certificates.other_key): f"{prefix}KEY_FILE",
        (certificates.key, certificates.key): f"{prefix}CERT_FILE",
    }
    for (cert, key), says in pairs.items():
        running.env[f"{prefix}CERT_FILE"] = str(cert)
        running.env.pop(f"{prefix}KEY_FILE", None)
        if key is not None:
            running.env[f"{prefix}KEY_FILE"] = str(key)
        said = running.fails(module)
        assert says in said
        assert "Traceback" not in said


def test_every_process_that_asks_clickhouse_checks_its_certificate(apis, certificates):
    """The migration, the monitoring API and maintenance work by HTTPS with the CA file; without it they say so."""
    running = apis(**certificates.env("CLICKHOUSE"), SIGHTGLASS_MAINTENANCE_INTERVAL_SECONDS="0.2")
    url = f"https://127.0.0.1:{running.ports['clickhouse']}"
    for process in ("MIGRATE", "MONITORING_API", "MAINTENANCE"):
        running.env[f"SIGHTGLASS_{process}_CLICKHOUSE_URL"] = url
    running.start(CLICKHOUSE)
    running.until(lambda: running.get(f"{url}/ping"))

    trusted, running.env["SIGHTGLASS_TLS_CA_FILE"] = running.env["SIGHTGLASS_TLS_CA_FILE"], str(certificates.other_ca)
    assert "SIGHTGLASS_TLS_CA_FILE" in running.sightglass("migrate", code=1)
    running.start(MONITORING_API)
    running.until(lambda: running.get(f"{running.monitoring_api}/healthz"))
    untrusted = running.get(f"{running.monitoring_api}/readyz")
    assert untrusted.status_code == 503
    assert "SIGHTGLASS_TLS_CA_FILE" in untrusted.json()["detail"]
    running.running.pop(MONITORING_API).terminate()
    running.until(lambda: running.get(f"{running.monitoring_api}/healthz") is None)

    running.env["SIGHTGLASS_TLS_CA_FILE"] = trusted
    running.sightglass("migrate")
    running.start(MONITORING_API, MAINTENANCE)
    running.until(lambda: (answer := running.get(f"{running.monitoring_api}/readyz")) and answer.status_code == 200)
    heartbeat = running.folder / "run" / "maintenance.heartbeat"
    running.until(heartbeat.exists)
    assert "certificate" not in running.log(MAINTENANCE)


def test_a_ca_file_that_is_not_there_keeps_a_process_from_starting(apis):
    """The message names the setting and the file."""
    running = apis(SIGHTGLASS_TLS_CA_FILE="/nowhere/ca.pem")
    for module in (MONITORING_API, MAINTENANCE):
        said = running.fails(module)
        assert "SIGHTGLASS_TLS_CA_FILE" in said
        assert "/nowhere/ca.pem" in said
