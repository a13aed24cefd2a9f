"""One firing of an alert has a name: acknowledgements belong to it, and so do all messages about it."""

from services.monitoring_api.alerting.evaluation import StoredAlert


def incident_of(alert: StoredAlert) -> str:
    """The name of an alert's present firing, or of its last one."""
    return f"{alert.fingerprint}-{int((alert.state.fired_at or 0.0) * 1000)}"
