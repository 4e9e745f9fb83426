"""The real host as a real child process, with the real starter model."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.host_process import HostProcess, generate
from theragen_core.faults import Fault
from theragen_core.model_profile import starter_path
from theragen_core.protocol import (
    NO_TURN,
    Assess,
    Assessed,
    Cancel,
    Delta,
    EchoModel,
    Event,
    Failed,
    Finished,
    Load,
    Loaded,
    LocalModel,
    Phase,
    Prefill,
    Prefilled,
    Progress,
    Refused,
    Review,
    Reviewed,
    SamplingOptions,
    Shutdown,
    Tier,
    TurnId,
)

LONG_REPLY = SamplingOptions(0.8, 2000, seed=5)


def words(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


@pytest.fixture
def host() -> Iterator[HostProcess]:
    with HostProcess() as process:
        yield process


@pytest.fixture
def starter(host: HostProcess) -> HostProcess:
    host.send(Load(LocalModel(starter_path())))
    loaded = host.until(Loaded)[-1]
    assert isinstance(loaded, Loaded)
    assert loaded.context > 0
    return host


def test_a_conversation_of_three_turns(starter: HostProcess) -> None:
    first = starter.ask(1, "I had a long week at work.")
    reply = words(first)
    assert reply.strip()
    finished = first[-1]
    assert isinstance(finished, Finished)
    assert finished.tokens > 0
    second = starter.ask(2, "I had a long week at work.", reply, "My manager changed again.")
    third = starter.ask(
        3, "I had a long week at work.", reply, "My manager changed again.", words(second), "Yes."
    )
    assert words(third).strip()
    assert isinstance(third[-1], Finished)
    # The later turn did not read the whole conversation again.
    assert third[-1].evaluated < finished.evaluated + len(words(second)) + 40


def test_loading_shows_progress(host: HostProcess) -> None:
    host.send(Load(LocalModel(starter_path())))
    progress = [event for event in host.until(Loaded) if isinstance(event, Progress)]
    assert progress
    assert all(event.phase is Phase.LOADING and event.turn == NO_TURN for event in progress)
    assert progress[-1].done <= progress[-1].total == 1000


def test_a_turn_sent_while_the_model_loads_waits_for_it(host: HostProcess) -> None:
    host.send(Load(LocalModel(starter_path())))
    host.send(generate(1, "Good morning"))
    kinds = [type(event) for event in host.until(Finished)]
    assert kinds.index(Loaded) < kinds.index(Delta)


def test_the_same_seed_gives_the_same_reply_and_another_one_another(starter: HostProcess) -> None:
    # The first turn fills the KV cache; from then on each finds the same there.
    _, *replies = [
        words(starter.ask(turn, "I feel tired.", options=SamplingOptions(0.9, 40, seed)))
        for turn, seed in enumerate((1, 1, 1, 2), start=1)
    ]
    assert replies[0] == replies[1] != replies[2]


def test_cancel_ends_the_turn_and_the_next_one_works(starter: HostProcess) -> None:
    starter.send(generate(1, "Tell me a very long story.", options=LONG_REPLY))
    starter.until(Delta)
    cancelled = time.monotonic()
    starter.send(Cancel(TurnId(1)))
    finished = starter.until(Finished)[-1]
    assert time.monotonic() - cancelled < 2
    assert isinstance(finished, Finished)
    assert finished.stopped
    assert words(starter.ask(2, "Good morning")).strip()


def test_cancel_during_the_prefill(starter: HostProcess) -> None:
    starter.send(generate(1, "a quiet morning and a cup of tea " * 600))
    starter.until(Progress)
    starter.send(Cancel(TurnId(1)))
    finished = starter.until(Finished)[-1]
    assert isinstance(finished, Finished)
    assert finished.stopped
    assert finished.tokens == 0
    assert words(starter.ask(2, "Good morning")).strip()


def test_a_message_that_is_too_long_is_refused_with_counts(starter: HostProcess) -> None:
    refused = starter.ask(1, "word " * 20_000)[-1]
    assert isinstance(refused, Refused)
    assert refused.tokens > refused.limit > 0
    assert words(starter.ask(2, "Good morning")).strip()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, Fault.MODEL_MISSING),
        (b"", Fault.MODEL_NOT_GGUF),
        (b"hello" * 100, Fault.MODEL_NOT_GGUF),
        (b"GGUF" + struct.pack("<IQQ", 3, 5, 9) + b"\xff" * 400, Fault.MODEL_DAMAGED),
    ],
)
def test_bad_model_files(
    host: HostProcess, tmp_path: Path, content: bytes | None, fault: Fault
) -> None:
    path = tmp_path / "private-folder" / "m.gguf"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    host.send(Load(LocalModel(path)))
    failed = host.until(Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.fault is fault
    # A turn that waited gets the same answer, and a good model can still be loaded.
    assert host.ask(1, "Good morning")[-1] == Failed(TurnId(1), fault, failed.details)
    host.send(Load(LocalModel(starter_path())))
    host.until(Loaded)


def test_a_truncated_model_file(host: HostProcess, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(starter_path().read_bytes()[:50_000_000])
    host.send(Load(LocalModel(path)))
    failed = host.until(Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.fault is Fault.MODEL_TRUNCATED


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_too_little_memory_is_told_with_figures() -> None:
    with HostProcess(address_space=350 * 2**20) as host:
        host.send(Load(LocalModel(starter_path())))
        failed = host.until(Failed)[-1]
        assert isinstance(failed, Failed)
        assert failed.fault is Fault.OUT_OF_MEMORY
        need, free = failed.details["need_mib"], failed.details["free_mib"]
        assert isinstance(need, int)
        assert isinstance(free, int)
        assert need > free


def test_without_a_model_a_turn_says_so(host: HostProcess) -> None:
    assert host.ask(1, "Good morning")[-1] == Failed(TurnId(1), Fault.MODEL_NOT_LOADED)


def test_a_malformed_line_is_reported_and_the_host_goes_on(host: HostProcess) -> None:
    host.send_line(b"no protocol\n")
    failed = host.until(Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.fault is Fault.ENGINE_BUG
    host.send(Load(EchoModel()))
    host.until(Loaded)
    assert words(host.ask(1, "one two"))


def test_it_answers_as_the_guard(host: HostProcess) -> None:
    command = generate(3, "I want to kill myself tonight.")
    host.send(Assess(TurnId(3), command.request.messages))
    assessed = host.until(Assessed)[-1]
    assert isinstance(assessed, Assessed)
    assert assessed.assessment.tier is Tier.IMMINENT
    host.send(Review(TurnId(3), 5, "That sounds hard."))
    assert host.until(Reviewed)[-1] == Reviewed(TurnId(3), 5)


def test_heartbeats_show_progress_while_it_reads(starter: HostProcess) -> None:
    starter.send(generate(1, "a quiet morning and a cup of tea " * 600))
    starter.wait_for_beats(
        lambda beats: len({beat.steps for beat in beats if beat.phase is Phase.READING}) > 1
    )


def gone(process: psutil.Process) -> bool:
    try:
        process.wait(5)
    except psutil.TimeoutExpired:
        return False
    return True


def test_the_end_of_stdin_ends_it_in_the_middle_of_a_reply(starter: HostProcess) -> None:
    starter.send(generate(1, "Tell me a very long story.", options=LONG_REPLY))
    starter.until(Delta)
    assert starter.process.stdin
    starter.process.stdin.close()
    assert starter.process.wait(5) == 0


def test_shutdown_ends_it(starter: HostProcess) -> None:
    starter.send(Shutdown())
    assert starter.process.wait(5) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX signals")
def test_a_killed_parent_takes_even_a_stopped_host_with_it(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import subprocess, sys, time\n"
        "host = subprocess.Popen([sys.executable, '-I', '-m', 'desktop', '--engine-host'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "host.stdout.readline()\n"  # the first heartbeat: it is set up
        "print(host.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    host = psutil.Process(int(parent.stdout.readline()))
    host.send_signal(signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(host)


LONG = "and then I went for a walk in the park by the river " * 60


def test_a_draft_is_read_ahead(starter: HostProcess) -> None:
    draft = generate(1, LONG).request.messages
    starter.send(Prefill(draft))
    *progress, read = starter.until(Prefilled)
    assert isinstance(read, Prefilled)
    assert read.evaluated > 600
    assert all(isinstance(e, Progress) and e.turn == NO_TURN for e in progress)
    finished = starter.ask(1, LONG + "home.")[-1]
    assert isinstance(finished, Finished)
    assert finished.evaluated < 12


def test_what_is_read_ahead_is_given_up_for_a_message_and_on_demand(starter: HostProcess) -> None:
    draft = generate(1, LONG * 4).request.messages
    starter.send(Prefill(draft))
    starter.until(Progress)
    starter.send(generate(1, "Good morning."))
    read, *_, finished = [e for e in starter.until(Finished) if not isinstance(e, Progress)]
    assert isinstance(read, Prefilled)
    assert 0 < read.evaluated < 2500
    assert isinstance(finished, Finished)
    starter.send(Prefill(draft))
    starter.until(Progress)
    starter.send(Cancel(NO_TURN))
    given_up = starter.until(Prefilled)[-1]
    assert isinstance(given_up, Prefilled)
    assert 0 < given_up.evaluated < 2500


def test_nothing_is_read_ahead_without_a_model(host: HostProcess) -> None:
    host.send(Prefill(generate(1, "Good morning").request.messages))
    assert host.until(Prefilled) == [Prefilled(0)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the processor does not say")
def test_a_library_for_a_newer_processor_is_not_even_loaded() -> None:
    code = """
import sys
from theragen_core import backends
from theragen_core.engines.base import Watch
from theragen_core.errors import ModelError
from theragen_core.host import make_engine
from theragen_core.model_profile import starter_path
from theragen_core.protocol import LocalModel

backends._recorded = lambda: ("avx9000",)
try:
    make_engine(LocalModel(starter_path()), Watch())
except ModelError as error:
    print(error.fault, error.details["missing"], "llama_cpp.llama_cpp" in sys.modules)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "processor_too_old avx9000 False\n"
