"""Sends one message by apprise, in a process of its own: C{python -m brokerd.integrations.message}.

Apprise takes 20 MB of memory, which the broker would never get back, and its hundred services make requests
that block: a process that ends gives the memory back, and can be killed. The message comes as JSON on the
standard input, since the URL holds credentials that a list of processes would show.
"""

import json
import os
import sys

__all__ = ["main"]

_NICE = 10  # a print may be beginning


def _send(url: str, body: str, title: str, body_format: str, files: list[str]) -> str | None:
    """Why it failed, or None."""
    import apprise

    notifying = apprise.Apprise()
    if not notifying.add(url):
        return "apprise does not understand the url"
    attached = apprise.AppriseAttachment(files) if files else None
    sent = notifying.notify(body=body, title=title, body_format=body_format, attach=attached)
    return None if sent else "the service did not take the message"


def main() -> None:
    """Send what the standard input says; what went wrong is written to the standard output."""
    os.nice(_NICE)
    message = json.load(sys.stdin)
    failure = _send(
        message["url"], message["body"], message["title"], message["body_format"], message["files"]
    )
    if failure is not None:
        print(failure)


if __name__ == "__main__":
    main()
