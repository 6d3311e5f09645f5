"""What a query can be wrong about."""


class QueryError(ValueError):
    """The query cannot be used. `position` is where in its text, from 0; `suggestion` is text to put there, if any."""

    def __init__(self, message: str, position: int, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion

    def __str__(self) -> str:
        return f"{self.message} (at {self.position + 1})"
