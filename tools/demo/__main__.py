"""Start the product, walk through its main job, say where everything is, and stop it all again."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from backend.config import engines
from tools.demo import state
from tools.demo.doors import Merchant, Shopper, Staff
from tools.demo.job import Job, StepFailed
from tools.demo.memory import MemoryWatch
from tools.demo.options import ROOT, Options, parse
from tools.demo.processes import ChildFailed, end_leftovers
from tools.demo.reload import Reloader
from tools.demo.report import Report
from tools.demo.screen import Screen
from tools.demo.stack import Stack
from tools.demo.state import STAFF_USER

BAD_INPUT = 2
# What a shell says of a program that Ctrl-C ended: 128 and the signal's number.
INTERRUPTED = 130
CHECK_EVERY_SECONDS = 1.0
GIB = 1024**3


def main(arguments: list[str]) -> int:
    """Run the demo and return its exit code."""
    options = parse(arguments)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        if options.clean:
            return _clean(options.data_dir)
        with state.hold(options.data_dir):
            return _run_alone(options)
    except (state.Occupied, engines.EngineError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _clean(data_dir: Path) -> int:
    """Remove a data folder and those inside it, with what still runs there and what is kept elsewhere."""
    inside = {file.parent for file in data_dir.glob("*/engines.lock")}
    for folder in sorted(inside | {data_dir} if data_dir.exists() else (), reverse=True):
        with state.hold(folder):
            end_leftovers(folder)
            engines.remove(folder)
    return 0


def _run_alone(options: Options) -> int:
    """Run with the data folder to ourselves."""
    ended = end_leftovers(options.data_dir)
    if ended:
        print(f"  Ended {ended} processes that an interrupted demo had left running.")
    orders = _orders_to_fill_from(options)
    # SIGINT too: a process that a script starts in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    ports = state.choose_ports(options.data_dir, options.first_port)
    stack = Stack(options, ports, state.read_secrets(options.data_dir))
    return _run_stack(options, stack, orders)


def _orders_to_fill_from(options: Options) -> Path | None:
    """
    Return the order file of the shop, looked through before anything is started.

    :raises SystemExit: with code 2 and the reason, if it cannot be used
    """
    if options.orders and not options.orders.is_file():
        _check_orders(options.orders)
    kept = state.read_orders(options.data_dir)
    if state.same_orders(kept, options.orders):
        return options.orders or (Path(kept["path"]) if kept and kept["path"] else None)
    if options.orders:
        _check_orders(options.orders)
    state.remember_orders(options.data_dir, options.orders)
    return options.orders


def _check_orders(orders: Path) -> None:
    command = ["node", "devstore/bin/check-orders.mjs", str(orders)]
    # What it counts is said later, by the shop itself; what it complains of goes straight to the reader.
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SystemExit(BAD_INPUT)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _run_stack(options: Options, stack: Stack, orders: Path | None) -> int:
    screen = Screen()
    try:
        with MemoryWatch(stack.pids) as memory:
            report = _live(options, stack, screen, memory, orders)
    except KeyboardInterrupt:
        screen.note("\n  Stopping …")
        return 0 if options.stay else INTERRUPTED
    except (ChildFailed, StepFailed, engines.EngineError) as error:
        screen.fail("")
        screen.note(f"\n{error}")
        return 1
    finally:
        # A second Ctrl-C must not leave anything running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stack.stop()
    if report:
        print(report.line(), flush=True)
    return 1 if report and report.failure else 0


def _live(
    options: Options, stack: Stack, screen: Screen, memory: MemoryWatch, orders: Path | None
) -> Report | None:
    """Start everything, do what was asked for, and stay for as long as that was asked for."""
    _start(stack, screen, orders)
    report = _walk(options, stack, screen, read_all_orders=orders is not None) if options.run_job else None
    screen.begin("MLflow answers")
    stack.wait("mlflow", screen.progress)
    screen.end()
    if options.run_job:
        screen.note(f"  ✓ Peak memory of all processes: {memory.peak_bytes / GIB:.2f} GiB")
    _announce(options, stack, screen)
    if options.stay:
        _stay(options, stack)
    return report


def _start(stack: Stack, screen: Screen, orders: Path | None) -> None:
    screen.begin("PostgreSQL and Valkey start")
    stack.start_engines()
    screen.end()
    screen.begin("The database is prepared")
    # Two cold starts at once: the local Shopify reads its orders while Django makes its tables.
    # A shop that is filled needs the order file no more, which may have been moved or changed meanwhile.
    stack.start_devstore(None if state.is_filled(stack.options.data_dir) else orders)
    stack.prepare()
    screen.end()
    screen.begin("The app starts")
    stack.start_app()
    stack.start_mlflow()
    for name in ("web", "ui", "devstore"):
        stack.wait(name, partial(screen.progress, name))
    screen.end("web, worker, UI and the local Shopify answer")


def _walk(options: Options, stack: Stack, screen: Screen, *, read_all_orders: bool) -> Report:
    at = stack.addresses
    staff = Staff(at, user=STAFF_USER, password=stack.keys.staff_password, secret=stack.keys.staff_secret)
    merchant = Merchant(at)
    job = Job(merchant, Shopper(at), staff, screen, stack.crew.check)
    if options.hold_back_days and not merchant.holds_back():
        screen.note('  This shop was filled with its newest weeks: "make clean" first to see them happen.')
    return job.run(
        # Orders of a file are older than the 60 days that an app may see unasked.
        optional_scopes=["read_all_orders"] if read_all_orders else [],
        new_shopper=lambda: Shopper(at),
        origin=at.devstore,
        environment=stack.env,
        started_at=options.started_at,
    )


def _announce(options: Options, stack: Stack, screen: Screen) -> None:
    at = stack.addresses
    if not options.run_job:
        print(json.dumps(_addresses(stack)), flush=True)
        return
    screen.note(
        f"""
  Storefront      {at.storefront}
  Embedded admin  {at.admin}
  Staff           {at.staff}  (user {STAFF_USER}, password {stack.keys.staff_password})
  Staff code      run: {_staff_code(options)}
  MLflow          {at.mlflow}/
  Logs            {options.data_dir / "logs"}
"""
    )
    if options.stay:
        screen.note("  Ctrl-C stops everything; the data stays for the next time.")


def _staff_code(options: Options) -> str:
    """Return the command that prints the second factor of the staff account."""
    if options.data_dir == ROOT / ".data":
        return "make staff-code"
    return f"{sys.executable} -m tools.demo.second_factor --data-dir {options.data_dir}"


def _addresses(stack: Stack) -> dict[str, Any]:
    at = stack.addresses
    return {
        "storefront": at.storefront,
        "admin": at.admin,
        "devstore": at.devstore,
        "app": at.ui,
        "backend": at.web,
        "staff": at.staff,
        "staff_user": STAFF_USER,
        "staff_password": stack.keys.staff_password,
        "staff_secret": stack.keys.staff_secret,
        "mlflow": f"{at.mlflow}/",
        "data_dir": str(stack.options.data_dir),
    }


def _stay(options: Options, stack: Stack) -> NoReturn:
    """Watch over the processes until someone stops them or one of them ends."""
    reloader = Reloader(stack.crew) if options.reload else None
    while True:
        stack.crew.check()
        if reloader:
            reloader.restart_if_changed()
        time.sleep(CHECK_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
