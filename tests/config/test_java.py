"""Which Java Spark will start, and the sentence where it cannot."""

import pytest

from tosho.config.java import NoJavaError, java


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Put a Java runtime into JAVA_HOME that says, with a status, what it is."""

    def make(says, status=0):
        program = tmp_path / "bin" / "java"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        return program

    return make


def test_this_machine_has_one(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert 'version "' in java()


def test_that_of_java_home_is_taken_as_spark_takes_it(runtime, monkeypatch):
    program = runtime('Picked up JAVA_TOOL_OPTIONS: -Xss4m\nopenjdk version "21.0.1" 2023-10-17')
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert java() == f'openjdk version "21.0.1" 2023-10-17 at {program}'


@pytest.mark.parametrize("says", ['openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_392"', "something else"])
def test_one_that_is_too_old_is_named(runtime, says):
    program = runtime(says)
    with pytest.raises(NoJavaError, match=f"of 17 or later, and {program} says: {says}\\. Install"):
        java()


def test_one_that_does_not_start_is_named(runtime):
    runtime("no memory", status=1)
    with pytest.raises(NoJavaError, match="does not start"):
        java()


def test_a_folder_without_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(NoJavaError, match=f"{tmp_path}/bin/java does not start"):
        java()
