"""The rule and notification files as they are in force: read again on change, all or nothing."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from services.monitoring_api.alerting.metric_shapes import Catalogue
from services.monitoring_api.alerting.rule_set import RuleSet, load_rules
from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.notify.notification_file import NotificationFile, load_notifications, warnings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    Attributes:
        rules: The rules; None until a file could be read, and then nothing is known about which alerts should be.
        notifications: Channels and routes; None until a file could be read.
        error: What is wrong with the files as they are now; empty when nothing is.
    """

    rules: RuleSet | None = None
    notifications: NotificationFile | None = None
    error: str = ""


@dataclass
class ConfigurationFiles:
    """The two files."""

    rules_file: Path
    notifications_file: Path
    catalogue: Catalogue | None
    _seen: tuple[str, str] | None = field(default=None, init=False)

    def forget(self) -> None:
        """Take the files for changed at the next call."""
        self._seen = None

    def read(self, previous: Configuration) -> Configuration | None:
        """What is in force now; None when neither file has changed since the last call."""
        seen = (_digest(self.rules_file), _digest(self.notifications_file))
        if seen == self._seen:
            return None
        self._seen = seen
        errors = []
        rules, notifications = previous.rules, previous.notifications
        try:
            rules = load_rules([self.rules_file], self.catalogue)
        except InvalidFileError as error:
            errors.append(str(error))
        try:
            notifications = load_notifications(self.notifications_file)
        except InvalidFileError as error:
            errors.append(str(error))
        for error_text in errors:
            _logger.error("What was in force stays in force, for a file is wrong:\n%s", error_text)
        if not errors:
            _logger.info("Rules and notifications are read")
        if notifications is not None:
            for warning in warnings(notifications):
                _logger.warning("%s: %s", self.notifications_file, warning)
        return Configuration(rules, notifications, "\n".join(errors))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.errno}"
