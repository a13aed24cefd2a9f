"""Problems of the monitoring API itself; the edge's are in `services.web.problems`."""

from services.web.problems import BadInput, FieldError


def not_available_yet(field: str) -> BadInput:
    """A parameter that is part of the interface but not built."""
    message = "not available yet"
    return BadInput(f"{field}: {message}.", errors=[FieldError(field, message)])


def bad_field(field: str, message: str) -> BadInput:
    """One unacceptable parameter."""
    return BadInput(f"{field}: {message}.", errors=[FieldError(field, message)])
