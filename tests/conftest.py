from carillon.mediaplane import kernel


def pytest_configure() -> None:
    """Test what most machines run: the relay's loop is compiled, by setup or here."""
    kernel.build()
