"""The lock of a data directory: one process at a time, and free when that has ended."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.persistence.data_directory import DirectoryError
from holdfast.persistence.directory_lock import DirectoryInUseError, DirectoryLock, is_locked
from tests.persistence.lives import close, reopen

HOLD = """
import sys
from pathlib import Path
from holdfast.persistence.directory_lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def process_with(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert "held\n" == process.stdout.readline()
        yield process
        process.kill()


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """Also when the first is killed: the operating system lets go of the lock."""
    with process_with(HOLD, tmp_path) as process:
        with pytest.raises(DirectoryInUseError) as caught:
            reopen(tmp_path)
        assert str(tmp_path) in str(caught.value)
        assert f"another node (process {process.pid}) serves this data directory" in str(
            caught.value
        )
    close(reopen(tmp_path))


def test_the_lock_is_free_again_when_recovery_fails(tmp_path: Path) -> None:
    """Whoever tries again learns the reason again, and not that a node is running."""
    close(reopen(tmp_path))
    (tmp_path / "node.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(DirectoryError, match=r"node\.json: damaged"):
            reopen(tmp_path)


def test_the_lock_names_its_holder_only_while_it_is_held(tmp_path: Path) -> None:
    """A file that a longer number was written to before is cut; and it may be damaged, too."""
    (tmp_path / "lock").write_text("123456789")
    lock = DirectoryLock(tmp_path)
    assert str(os.getpid()) == (tmp_path / "lock").read_text()
    (tmp_path / "lock").write_bytes(b"\xff")
    with pytest.raises(DirectoryInUseError, match="another node \\(process \ufffd\\) serves"):
        DirectoryLock(tmp_path)
    lock.release()
    DirectoryLock(tmp_path).release()


LOOK = """
import sys
from pathlib import Path
from holdfast.persistence.directory_lock import is_locked
print("held", flush=True)
while True:
    is_locked(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("is_first", [False, True])
def test_whoever_looks_whether_it_is_locked_refuses_nobody(tmp_path: Path, is_first: bool) -> None:
    """A snapshot process looks whether the node that started it still lives. When that has just
    died, its successor may be starting; and the first node of a directory finds an empty file.
    """
    with process_with(HOLD, tmp_path) as dead:
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    with process_with(LOOK, tmp_path):
        for _ in range(50):
            (tmp_path / "lock").write_text("" if is_first else str(dead.pid))
            DirectoryLock(tmp_path).release()


def test_a_directory_without_a_lock_file_is_reported(tmp_path: Path) -> None:
    """No node has ever served it."""
    with pytest.raises(DirectoryError, match="cannot be used: No such file"):
        is_locked(tmp_path)


def test_a_lock_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """A limit on the size of files, in a process of its own, stands for a full disk."""
    script = f"""if True:
        import resource, signal
        from pathlib import Path
        from holdfast.persistence.data_directory import DirectoryError
        from holdfast.persistence.directory_lock import DirectoryLock
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        try:
            DirectoryLock(Path({str(tmp_path)!r}))
        except DirectoryError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert f"{tmp_path}: cannot be used: File too large\n" == done.stdout
    DirectoryLock(tmp_path).release()
