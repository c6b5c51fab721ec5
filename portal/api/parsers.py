from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, Never

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class StrictJSONParser(BaseParser):
    """JSON in UTF-8 as RFC 8259 means it: no name twice in one object, no NaN, no half characters, no endless nesting.

    Of a name given twice, REST framework's own parser silently takes the last, and text that is no Unicode only
    fails in the database.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - any JSON value
        """The body's value.

        Raises:
            ParseError: it is not JSON; the sentence says where.
        """
        del media_type, parser_context
        try:
            text = stream.read().decode("utf-8")
            value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
            # Escapes can spell half of a surrogate pair, which no database and no device can be sent.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except UnicodeEncodeError:
            raise ParseError(
                "The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no text."
            ) from None
        except RecursionError:
            raise ParseError("The body nests too deeply.") from None
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
            ) from None
        except ValueError:
            raise ParseError("The body holds a number with more digits than any value here has.") from None
        return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value: dict[str, object] = {}
    for name, item in pairs:
        if name in value:
            raise ParseError(f"The body gives the name {name[:60]!r} twice in one object. Give it once.")
        value[name] = item
    return value


def _refuse_constant(name: str) -> Never:
    raise ParseError(f"The body holds {name}, which is not JSON.")
