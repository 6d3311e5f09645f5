"""What the API reads: a module of its own, because the framework imports it while it is being imported."""

import json
from collections.abc import Mapping
from typing import Any, cast

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class JsonParser(JSONParser):
    """JSON whose nesting fits the interpreter (the decoder of the standard library goes down by recursion), and whose
    texts are Unicode (it takes half a surrogate pair, RFC 8259 §8.2)."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            found = cast(dict[str, Any], super().parse(stream, media_type, parser_context))
            json.dumps(found, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The JSON is nested too deep.") from error
        except UnicodeEncodeError as error:  # it could be neither stored nor told back
            raise ParseError("The JSON holds half a character, of \\ud800 to \\udfff: send both halves.") from error
        return found
