from tosho.observability.progress import VARIABLE, Progress, latest


def test_the_latest_state_is_kept_for_whoever_watches(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    tell = Progress("sessions", every=0)
    tell("2018-11-15", 1, 2)
    tell("2018-11-16", 2, 2)
    assert latest(tmp_path / "progress.json") == {"stage": "sessions", "what": "2018-11-16", "done": 2, "total": 2}


def test_it_speaks_seldom_and_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    tell = Progress("sessions", every=3600)
    for done in range(1, 11):
        tell(str(done), done, 10)
        assert latest(tmp_path / "progress.json")["done"] in (1, 10)
    assert latest(tmp_path / "progress.json")["done"] == 10


def test_the_first_word_is_told_at_once_also_where_the_machine_was_just_started(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    monkeypatch.setattr("time.monotonic", lambda: 3.0)  # seconds since the start
    Progress("sessions")("2018-11-15", 1, 2)
    assert latest(tmp_path / "progress.json")["done"] == 1


def test_nobody_watches():
    Progress("sessions", every=0)("x", 1, 1)
