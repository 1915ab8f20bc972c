"""
The codes of the demo's staff account, as the app on a phone would show them.

``make staff-code`` prints the one of now.
"""

import argparse
import base64
import hmac
import struct
import time
from pathlib import Path
from typing import Final

from tools.demo import state
from tools.demo.options import ROOT

STEP_SECONDS: Final = 30


def code(secret: str, *, at: float) -> str:
    """Return the six digits of a moment, by RFC 6238. ``secret`` is base32."""
    counter = struct.pack(">Q", int(at) // STEP_SECONDS)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def main() -> None:
    """Print the code of now."""
    parser = argparse.ArgumentParser(
        description="Print the code that the demo's staff account signs in with."
    )
    parser.add_argument(
        "--data-dir", type=Path, default=Path(".data"), help="the demo's folder (default: .data)"
    )
    folder = (ROOT / parser.parse_args().data_dir).resolve()
    print(code(state.read_secrets(folder).staff_secret, at=time.time()))


if __name__ == "__main__":
    main()
