"""Every kind of channel. A new one is a module in `channels/` and its name here."""

from typing import Annotated

from pydantic import Field

from services.monitoring_api.notify.channels.alertmanager import AlertmanagerConfig
from services.monitoring_api.notify.channels.demo_mail import DemoMailConfig
from services.monitoring_api.notify.channels.email import EmailConfig
from services.monitoring_api.notify.channels.log import LogConfig
from services.monitoring_api.notify.channels.pagerduty import PagerDutyConfig
from services.monitoring_api.notify.channels.slack import SlackConfig
from services.monitoring_api.notify.channels.webhook import WebhookConfig

AnyChannel = Annotated[
    EmailConfig | SlackConfig | WebhookConfig | AlertmanagerConfig | PagerDutyConfig | LogConfig | DemoMailConfig,
    Field(discriminator="type"),
]
