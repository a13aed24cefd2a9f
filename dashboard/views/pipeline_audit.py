"""The audit log: what operators did, and what they were refused."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.pipeline_questions import audit
from dashboard.plain_text import one_line
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.operating import hint_for_viewers, may_operate
from dashboard.views.waiting import waiting

_ACTIONS: Final = {
    "alert.acknowledge": "acknowledged an alert",
    "silence.create": "made a silence",
    "silence.expire": "ended a silence",
    "channel.test": "tested a channel",
    "notification.resend": "sent a message again",
    "model.promote": "promoted a model",
    "model.rollback": "rolled a model back",
    "model.train": "trained a model",
    "token.create": "made a token",
    "token.revoke": "revoked a token",
}
_HEIGHT: Final = 560


def draw_audit(state: PipelineState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    if not may_operate():
        hint_for_viewers()
        return
    with waiting("pipeline", "audit", height=_HEIGHT):
        found = client().ask(audit())
    if not found.readable:
        st.info(
            "**No audit log can be read here.** It is written where the APIs run, in the folder of "
            "`SIGHTGLASS_AUDIT_DIR`; the monitoring API reads the one on its own machine.",
            icon=":material/history_edu:",
        )
        return
    if not found.entries:
        st.info("Nobody has done anything yet that is written down.", icon=":material/history_edu:")
        return
    zone = zone_of(state.zone)
    rows = [
        {
            "When": f"{entry.at.astimezone(zone):%d %b %Y %H:%M:%S}",
            "Who": one_line(entry.who, 80),
            "What": _ACTIONS.get(entry.action, one_line(entry.action, 60)),
            "Of what": one_line(entry.target or "", 120),
            "Outcome": one_line(entry.outcome, 20) + ("" if entry.status is None else f" ({entry.status})"),
            "By token": one_line(entry.actor, 80),
            "Written by": one_line(entry.process, 40),
            "From": one_line(entry.client or "", 60),
            "Trace": f"traces?trace={entry.trace_id}" if entry.trace_id else None,
        }
        for entry in found.entries
    ]
    more = " Older ones are in the files." if found.truncated else ""
    st.caption(
        f"The newest {len(rows)} actions, refused ones too, the newest first.{more} Times are {zone_name(zone, now)}."
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(560, 38 + 35 * len(rows)),
        key="pipeline.audit",
        column_config={"Trace": st.column_config.LinkColumn("Trace", display_text=r"trace=(.{8})")},
    )
