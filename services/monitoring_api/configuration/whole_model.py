"""Models that report what is wrong with their whole beside what is wrong with their fields, in one go.

Pydantic looks at the whole only when every field is right, so that one error hides the others.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError


class WholeModel(BaseModel):
    """A model whose checks of the whole read what was given, whether or not all of it is right."""

    @classmethod
    def whole_errors(cls, given: Mapping[str, Any], context: Any) -> Iterable[tuple[str | None, str]]:
        """What is wrong with the whole: (field, message), without a field where one is missing.

        Args:
            given: Keys and values as they were given: any of them may be of a wrong type.
            context: What the validation was given.
        """
        raise NotImplementedError

    @model_validator(mode="wrap")
    @classmethod
    def _every_error(cls, given: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(given, Mapping):
            return handler(given)
        found = [
            InitErrorDetails(type=PydanticCustomError("value_error", message), loc=(name,) if name else (), input=given)
            for name, message in cls.whole_errors(given, info.context)
        ]
        try:
            made = handler(given)
        except ValidationError as error:
            found += [
                InitErrorDetails(type=PydanticCustomError(each["type"], each["msg"]), loc=each["loc"], input=None)
                for each in error.errors(include_url=False, include_context=False, include_input=False)
            ]
        else:
            if not found:
                return made
        raise ValidationError.from_exception_data(cls.__name__, found)
