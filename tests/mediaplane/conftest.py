import pytest

from tests.mediaplane.plane import MediaProcess


@pytest.fixture
def media(tmp_path):
    with MediaProcess(tmp_path / "data") as process:
        yield process
        assert process.process.poll() is None, process.logged()
        for word in ("Traceback", "a bug"):
            assert word not in process.logged(), process.logged()
