import json
import socket
import stat
from unittest.mock import Mock

import pytest

from tools.demo import __main__ as demo
from tools.demo import state
from tools.demo.options import parse


def test_secrets_are_made_once_and_kept_private(tmp_path):
    first = state.read_secrets(tmp_path)

    again = state.read_secrets(tmp_path)

    assert again == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_that_the_backend_made_first_are_kept(tmp_path):
    (tmp_path / "secrets.json").write_text(json.dumps({"DJANGO_SECRET_KEY": "k", "ENCRYPTION_KEYS": "e"}))

    found = state.read_secrets(tmp_path)

    assert (found.django_secret_key, found.encryption_keys) == ("k", "e")
    assert len(found.api_secret) == 32


def test_one_demo_at_a_time_holds_a_folder(tmp_path):
    held = state.hold(tmp_path)

    with pytest.raises(state.Occupied, match="Another demo is running"):
        state.hold(tmp_path)

    held.close()
    state.hold(tmp_path).close()


def test_a_busy_port_is_passed_over_and_the_choice_is_kept(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]

        ports = state.choose_ports(tmp_path, busy)

    assert ports["devstore"] == busy + 4
    assert len(set(ports.values())) == 4
    assert state.choose_ports(tmp_path, busy) == ports


def test_any_free_ports_are_found(tmp_path):
    ports = state.choose_ports(tmp_path, 0)

    assert all(1024 < port <= state.LAST_PORT for port in ports.values())
    assert len(set(ports.values())) == 4


def test_a_shop_goes_on_with_what_it_was_filled_from(tmp_path):
    orders = tmp_path / "orders.csv"
    orders.write_text("InvoiceNo\n1\n")
    assert not state.same_orders(state.read_orders(tmp_path), orders)

    state.remember_orders(tmp_path, orders)

    kept = state.read_orders(tmp_path)
    assert state.same_orders(kept, orders)
    assert state.same_orders(kept, None)


@pytest.mark.parametrize("filled_from_a_file", [True, False])
def test_another_order_file_is_refused_with_the_way_out(tmp_path, filled_from_a_file):
    former, other = tmp_path / "former.csv", tmp_path / "other.csv"
    former.write_text("a")
    other.write_text("b")
    state.remember_orders(tmp_path, former if filled_from_a_file else None)

    with pytest.raises(state.Occupied, match="make clean"):
        state.same_orders(state.read_orders(tmp_path), other)


def test_a_shop_that_is_filled_opens_without_its_order_file(tmp_path, monkeypatch):
    given = []
    folder = tmp_path / "data"
    stack = Mock(options=Mock(data_dir=folder), start_devstore=given.append)
    orders = tmp_path / "moved-away.csv"

    demo._start(stack, Mock(), orders)
    (folder / "devstore").mkdir(parents=True)
    (folder / "devstore" / "meta.json").write_text("{}")
    demo._start(stack, Mock(), orders)

    assert given == [orders, None]


def test_an_order_file_that_moved_is_read_where_it_is_named(tmp_path):
    former, now = tmp_path / "orders.csv", tmp_path / "archive.csv"
    now.write_text("InvoiceNo\n1\n")
    former.write_text(now.read_text())
    data = tmp_path / "data"
    data.mkdir()
    state.remember_orders(data, former)
    former.unlink()

    options = parse(["--orders", str(now), "--data-dir", str(data)])

    assert demo._orders_to_fill_from(options) == now
