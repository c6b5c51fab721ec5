"""Keeping secrets out of log lines, on the web and in workers. Importing this loads nothing of the product yet."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from types import TracebackType

_PLAIN = logging.Formatter()
_FEED = re.compile(
    r"(?P<path>calendar(?:/|%2f)+feed(?:/|%2f)+)[^/?\s\"']+|(?<![\w%-])[\w%-]{40,200}(?=\.ics)",
    re.IGNORECASE | re.ASCII,
)
"""The address of a calendar feed, whose token opens it: no log needs it, an access log neither. Mistyped ones count."""


_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What ends a line, moves a terminal's cursor or turns the order of letters: with it, lines could be forged."""


def on_one_line(text: str) -> str:
    """The text with line ends, control characters and marks of direction as Python writes them."""
    return _NO_TEXT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def indented(text: str) -> str:
    """A text of several lines, none of which looks like the beginning of a line of the log."""
    return "\n".join(f"  {on_one_line(line)}" for line in text.split("\n"))


def without_feed_tokens(text: str) -> str:
    """The text with the tokens of calendar feeds hidden in their addresses."""
    return _FEED.sub(lambda found: f"{found['path'] or ''}[hidden]", text)


class SecretFilter(logging.Filter):
    """Masks a record for every handler that it stands on, and keeps it to its line: message, traceback and stack.

    It works on the finished text, since a secret may come in any argument, or in an exception that a library raised.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place, once; always keep it."""
        if getattr(record, "secrets_masked", False):
            return True
        try:
            from devices.services.scrubbing import Scrubber

            scrub = Scrubber.load()
            record.msg, record.args = on_one_line(without_feed_tokens(scrub.prose(record.getMessage()))), None
            if record.exc_info and not record.exc_text:
                record.exc_text = _PLAIN.formatException(record.exc_info)
            if record.exc_text:
                record.exc_text = indented(without_feed_tokens(scrub.prose(record.exc_text)))
            if record.stack_info:
                record.stack_info = indented(scrub.prose(record.stack_info))
        except Exception as error:  # noqa: BLE001 - a log line that cannot be masked is not written as it is
            record.msg = f"A log line of {record.name} could not be masked ({type(error).__name__}), so it is left out."
            record.args, record.exc_info, record.exc_text, record.stack_info = None, None, None, None
        record.secrets_masked = True
        return True


def all_handlers() -> Iterator[logging.Handler]:
    """Every handler of this process: the root's, and those that libraries and gunicorn gave their own loggers."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger):
            yield from logger.handlers


def guard_all_handlers() -> None:
    """Put the filter on every handler that has none yet."""
    for handler in all_handlers():
        if not any(isinstance(each, SecretFilter) for each in handler.filters):
            handler.addFilter(SecretFilter())


def log_uncaught_errors() -> None:
    """Let errors that nobody caught, in this thread or another, go through the log and so through its filter.

    Who has hooks of their own keeps them.
    """

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        logging.getLogger("portal").critical("The process ends with an error.", exc_info=(kind, error, trace))

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            logging.getLogger("portal").critical("A thread ended with an error.", exc_info=args.exc_value)

    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = of_process
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = of_thread
