"""Ways out of a sandbox, tried from inside for `test_sandbox_probes.py`: a program, not a test.

`python break_out [NAME ...]` reads as JSON from its standard input what of the machine outside
there is to reach, tries each way in a process of its own and prints, as JSON, which led out.
`--list` prints their names. Standard library only.
"""

import json
import os
import signal
import sys

import files
import kernel
import others
from registry import PROBES

SECONDS = 8
ALL = (files, others, kernel)


def attempt(name: str, bait: dict) -> str:
    """In a process of its own: some end badly."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(SECONDS)
        said = b"no"
        try:
            said = b"OUT" if PROBES[name](bait) else b"no"
        except BaseException as error:
            said = repr(error).encode()[:200]
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        said = told.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    return said or "killed"


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(list(PROBES)))
    else:
        given = json.load(sys.stdin)
        print(json.dumps({name: attempt(name, given) for name in sys.argv[1:] or PROBES}))
