import io

from tools.demo.screen import Screen, amount_text


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_one_line_a_step():
    clock, stream = Clock(), io.StringIO()
    screen = Screen(stream, clock=clock)

    screen.begin("Servers")
    screen.progress("starting")
    clock.now += 2.5
    screen.end("4 of 4")

    assert stream.getvalue() == "  ✓ Servers                                     2.5 s  4 of 4\n"


def test_a_log_hears_of_a_long_step_now_and_then():
    clock, stream = Clock(), io.StringIO()
    screen = Screen(stream, clock=clock)

    screen.begin("Orders")
    for _ in range(31):
        clock.now += 1
        screen.progress("read", done=500, total=25_900, unit="orders")

    assert (
        stream.getvalue()
        == "  … Orders  500 of 25,900 orders  read  15 s\n  … Orders  500 of 25,900 orders  read  30 s\n"
    )


def test_a_terminal_sees_one_living_line_with_a_bar():
    stream = Terminal()
    screen = Screen(stream, clock=Clock())

    screen.begin("Orders")
    screen.progress("reading", done=50, total=100, unit="orders")

    assert stream.getvalue().endswith(
        "\r\x1b[K  … Orders  [████████████············] 50 of 100 orders  reading  0 s"
    )


def test_a_step_left_open_is_closed_by_the_next():
    stream = io.StringIO()
    screen = Screen(stream, clock=Clock())

    screen.begin("Install")
    screen.begin("Import")
    screen.fail("refused")

    assert [line.split()[0:2] for line in stream.getvalue().splitlines()] == [
        ["✓", "Install"],
        ["✗", "Import"],
    ]


def test_an_amount_says_as_much_as_is_known():
    assert amount_text(None, 10, "orders", bar=True) == ""
    assert amount_text(1200, None, "orders", bar=True) == "1,200 orders"
    assert amount_text(9, 9, None, bar=True) == f"[{'█' * 24}] 9 of 9"
    assert amount_text(5, 100, "%", bar=False) == "5 %"
