"""What ends the agent, each with the exit status that a script can tell it by."""

from __future__ import annotations


class AgentError(Exception):
    """A failure with words for a person and a status for a script."""

    status = 1


class UnreachableError(AgentError):
    """The server did not answer for longer than we were told to wait."""

    status = 3


class RefusedError(AgentError):
    """The server answered, and will not take what we send: token, address, capture."""

    status = 4


class SourceError(AgentError):
    """The file is no capture or cannot be read."""

    status = 5


class InterfaceError(AgentError):
    """The interface cannot be captured from: permission, name, system."""

    status = 6


STATUSES = """exit status:
  0  everything was sent
  2  wrong options
  3  the server could not be reached
  4  the server refused: token, address or capture
  5  the file is no capture or cannot be read
  6  the interface cannot be captured from
  7  this host is not enrolled, or its keys cannot be used
  130  interrupted; what was read before was sent
"""
