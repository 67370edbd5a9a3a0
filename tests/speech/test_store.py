import pytest

from carillon.speech.store import Store
from carillon.speech.synthesis import SpeechError


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


def test_many_texts_are_spoken_at_once_and_sound_like_one_by_one(tmp_path):
    one, many = Store(tmp_path / "one"), Store(tmp_path / "many")
    texts = ["Bonjour", "Au revoir", "un", "Bonjour"]
    alone = [one.speak(text, "fr") for text in texts]
    assert many.speak_all(texts, "fr") == alone
    for key, _ in alone:
        assert many.path(key).read_bytes() == one.path(key).read_bytes()
    assert many.speak_all([], "fr") == []
    assert many.speak_all(texts, "fr") == alone, "and from then on they are there"


def test_one_text_that_cannot_be_said_says_so(tmp_path):
    with pytest.raises(SpeechError):
        Store(tmp_path).speak_all(["Bonjour", "?!"], "fr")
