"""Problems of the monitoring API itself; the edge's are in `services.web.problems`."""

from services.web.problems import BadInput, FieldError, Problem


class NotAcceptable(Problem):
    """The answer can't be given in any format that the request accepts."""

    status = 406
    title = "Not acceptable"
    type = "urn:sightglass:problem:not-acceptable"


def bad_field(field: str, message: str) -> BadInput:
    """One unacceptable parameter."""
    return BadInput(f"{field}: {message}.", errors=[FieldError(field, message)])
