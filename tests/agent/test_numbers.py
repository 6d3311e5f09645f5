"""The bookkeeping of numbered chunks, answer by answer."""

from agent.api import Answer
from agent.chunk import Chunk
from agent.numbers import Job, Numbers
from tests.captures import pcap

HEAD = pcap([], 1)


def sent(numbers: Numbers, count: int) -> list[Job]:
    """Numbered chunks that are being sent."""
    jobs = [numbers.number(Chunk(HEAD, 5)) for _ in range(count)]
    for job in jobs:
        job.state, job.started = "sending", 1.0
    return jobs


def ok(next_: int, durable: int | bool, have: list[int] | None = None) -> Answer:
    return Answer("ok", next=next_, have=have or [], durable=durable)


def test_a_chunk_is_kept_until_it_is_durable() -> None:
    numbers = Numbers("c")
    a, b = sent(numbers, 2)
    numbers.accepted(b, ok(0, 0, [1]), 2.0)
    assert (numbers.unfinished, numbers.oldest) == (2, 0)
    numbers.accepted(a, ok(0, 2, [0, 1]), 3.0)
    assert (numbers.unfinished, numbers.oldest, numbers.last) == (0, 2, 1)


def test_durable_may_be_said_of_the_chunk_alone() -> None:
    numbers = Numbers("c")
    a, b = sent(numbers, 2)
    numbers.accepted(b, ok(0, True), 2.0)
    assert numbers.oldest == 0
    numbers.accepted(a, ok(2, True), 2.0)
    assert numbers.unfinished == 0


def test_a_number_that_the_server_forgot_is_sent_again() -> None:
    numbers = Numbers("c")
    a, b, c = sent(numbers, 3)
    numbers.accepted(b, ok(0, 0, [1]), 2.0)
    a.started = 1.5  # asked before b was answered: says nothing of b
    numbers.accepted(a, ok(0, 0, [0]), 2.5)
    assert numbers.resend(9.0) is None
    c.started = 3.0
    numbers.accepted(c, ok(0, 0, [0, 2]), 4.0)
    assert numbers.resend(9.0) is b


def test_numbers_stay_inside_the_servers_window() -> None:
    numbers = Numbers("c")
    jobs = sent(numbers, 8)
    assert not numbers.may_number()
    numbers.accepted(jobs[0], ok(0, 8, list(range(8))), 2.0)
    for job in jobs[1:]:
        numbers.accepted(job, ok(0, 8, list(range(8))), 2.0)
    assert not numbers.may_number()
    assert not numbers.heard(ok(0, 8, list(range(8))), 3.0)
    assert numbers.heard(ok(1, 8, list(range(1, 8))), 4.0)
    (ninth,) = sent(numbers, 1)
    assert not numbers.may_number()
    numbers.delay(ninth, Answer("window", wait=1.0), 5.0)
    assert numbers.resend(5.5) is None
    assert numbers.resend(6.5) is ninth
    numbers.accepted(ninth, ok(6, 9, [8]), 7.0)
    assert numbers.may_number()


def test_what_is_given_up_is_told_until_an_answer_covers_it() -> None:
    numbers = Numbers("c")
    a, b = sent(numbers, 2)
    numbers.abandon(a, "refused")
    assert numbers.abandoned_header() == f"0=5/{len(HEAD)}/refused"
    assert (numbers.oldest, numbers.to_tell) == (1, True)
    numbers.accepted(b, ok(0, 0, [1]), 2.0)
    assert numbers.to_tell
    (c,) = sent(numbers, 1)
    numbers.accepted(c, ok(0, 3, [0, 1, 2]), 3.0)
    assert (numbers.to_tell, numbers.unfinished) == (False, 0)


def test_a_new_capture_takes_over_what_the_old_one_will_not_have() -> None:
    numbers = Numbers("c")
    a, b, c = sent(numbers, 3)
    numbers.delay(c, Answer("later"), 1.0)
    assert numbers.restart(a, "d") == [a.chunk, c.chunk]
    assert numbers.restart(b, "e") == [b.chunk]  # was under way when the capture ended
    assert (numbers.capture, numbers.last, numbers.unfinished) == ("d", -1, 0)
    numbers.accepted(b, ok(9, 9), 2.0)
    assert numbers.may_number()
