"""The C code by itself: its unit tests, built and run under the sanitizers."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "native"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
ADDRESS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
THREAD = ["-fsanitize=thread"]


def run(directory: Path, name: str, *flags: str) -> None:
    program = directory / name
    sources = [str(it) for it in sorted(NATIVE.glob("*.c"))]
    command = ["gcc", "-std=c11", "-g", "-O1", *WARNINGS, *flags, f"-I{NATIVE}"]
    command += [str(HERE / f"{name}.c"), *sources, "-lcrypto", "-pthread", "-o", str(program)]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.native
def test_ring_counts_gaps_and_commands_under_address_sanitizer(tmp_path: Path) -> None:
    run(tmp_path, "check_core", *ADDRESS)


@pytest.mark.native
def test_refused_segmentation_falls_back_under_address_sanitizer(tmp_path: Path) -> None:
    run(tmp_path, "check_send", *ADDRESS, "-Wl,--wrap=sendmmsg")


@pytest.mark.native
def test_a_thread_that_never_waits_rests_in_pieces_under_address_sanitizer(tmp_path: Path) -> None:
    run(tmp_path, "check_rest", *ADDRESS)


@pytest.mark.native
def test_what_comes_while_a_picture_is_worked_on_leaves_with_it_under_address_sanitizer(
    tmp_path: Path,
) -> None:
    run(tmp_path, "check_gather", *ADDRESS, "-Wl,--wrap=sendmmsg", "-Wl,--wrap=recvmmsg")


@pytest.mark.native
@pytest.mark.parametrize("sanitizer", [ADDRESS, THREAD], ids=["address", "thread"])
def test_what_is_for_another_thread_does_not_wait_while_one_sends(
    tmp_path: Path, sanitizer: list[str]
) -> None:
    run(tmp_path, "check_meanwhile", *sanitizer, "-Wl,--wrap=sendmmsg")


@pytest.mark.native
def test_connections_bear_any_cut_and_a_peer_that_reads_nothing_under_address_sanitizer(
    tmp_path: Path,
) -> None:
    run(tmp_path, "check_stream", *ADDRESS)


@pytest.mark.native
@pytest.mark.parametrize("sanitizer", [ADDRESS, THREAD], ids=["address", "thread"])
def test_the_loop_bears_commands_snapshots_and_packets_at_once(
    tmp_path: Path, sanitizer: list[str]
) -> None:
    run(tmp_path, "check_loop", *sanitizer)
