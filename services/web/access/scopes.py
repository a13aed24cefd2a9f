"""What a token may be used for, and the roles that people have."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """One permission."""

    READ = "read"
    OPERATE = "operate"
    INGEST_LABELS = "ingest-labels"
    ADMIN = "admin"


class Role(StrEnum):
    """A set of permissions with a name."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INGEST = "ingest"
    ADMIN = "admin"


ALL_SCOPES: Final = frozenset(Scope)
ROLE_SCOPES: Final[dict[Role, frozenset[Scope]]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.OPERATE}),
    Role.INGEST: frozenset({Scope.INGEST_LABELS}),
    Role.ADMIN: ALL_SCOPES,
}
# The roles that a person can have, and so what a token may act as on somebody's behalf.
PERSONAL_ROLES: Final = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


def role_of(scopes: frozenset[Scope]) -> Role | None:
    """The role that allows just this; None where no role does."""
    return next((role for role, allowed in ROLE_SCOPES.items() if allowed == scopes), None)


def granted(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """All that these scopes allow: admin includes every other one."""
    found = frozenset(scopes)
    return ALL_SCOPES if Scope.ADMIN in found else found
