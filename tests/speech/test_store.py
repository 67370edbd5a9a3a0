import pytest

from carillon.speech.store import Store


def test_the_same_text_is_spoken_once(tmp_path):
    store = Store(tmp_path / "prompts")
    key, seconds = store.speak("Bonjour", "fr")
    written = store.path(key).stat().st_mtime_ns
    assert store.speak("Bonjour", "fr") == (key, seconds)
    assert store.path(key).stat().st_mtime_ns == written
    assert 0.3 < seconds < 2


def test_what_is_put_is_there_whole_under_the_name_of_its_content(tmp_path):
    store = Store(tmp_path)
    key = store.put(b"sound")
    assert store.has(key)
    assert store.path(key).read_bytes() == b"sound"
    assert store.put(b"sound") == key
    assert [file.name for file in tmp_path.iterdir()] == [f"{key}.wav"]


def test_a_key_can_be_chosen(tmp_path):
    store = Store(tmp_path)
    assert store.put(b"sound", "greeting-1") == "greeting-1"
    assert store.has("greeting-1")


@pytest.mark.parametrize("key", ["../x", "a/b", ".hidden", "", "a" * 101, "a\x00"])
def test_a_key_cannot_leave_its_folder(tmp_path, key):
    with pytest.raises(ValueError, match="no prompt key"):
        Store(tmp_path).path(key)
