# A Python client that waits its turn for checkout: 1400/s, 700 at once from rest. Written by plimsoll export
# --to client-python.
# the form of this file is checked with python3, run against plimsoll lab
# Why these numbers:
# - rate 1400/s: 20 % below the breaking load's lower bound of 1760/s
# - burst 700: 70 % of the 1000 at once that the target bore
# Mind:
# - no knee was measured, so the rate rests on the margin alone
# Prove it: plimsoll verify URL --limit 1400/s --burst 700
"""Asks again when a limit refuses: as late as it is told, and never in step with others. Needs Python 3.8 and nothing else."""

import email.utils
import random
import time
import urllib.error
import urllib.request

# A client that is told nothing waits at random between 0 and a bound that doubles with each try, from BASE to MOST seconds.
TRIES = 6
BASE = 200 / 1000
MOST = 30000 / 1000


def fetch(request, timeout=10.0, deadline=None):
    """Sends a urllib request (or URL) and, while it is refused, waits and sends it again.

    Gives back the answer, or raises the urllib.error.HTTPError of the last one. deadline is a time.monotonic() after which
    nobody waits for the answer any more.
    """
    attempt = 1
    while True:
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as refusal:
            told = retry_after(refusal.headers.get("Retry-After"))
            refused = refusal.code == 429 or (refusal.code == 503 and told is not None)
            if not refused or attempt == TRIES:
                raise
            wait = jitter(attempt) if told is None else told + random.uniform(0, BASE)
            if deadline is not None and time.monotonic() + wait > deadline:
                raise
            refusal.close()
        time.sleep(wait)
        attempt += 1


def jitter(attempt):
    """A random wait before the next try."""
    return random.uniform(0, min(BASE * 2 ** (attempt - 1), MOST))


def retry_after(text):
    """How long an answer says to wait: seconds or a date (RFC 9110, 10.2.3); None when it says nothing."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
