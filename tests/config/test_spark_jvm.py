"""Spark's JVM on this machine: which options it gets, and that it uses the archive that `make setup` made."""

import os
import subprocess

from services.spark import BIN
from tosho.config import spark_jvm


def test_options_that_were_chosen_stay():
    chosen = {"SPARK_SUBMIT_OPTS": "-XX:+UseG1GC"}
    spark_jvm.prefer_quick_start(chosen)
    assert chosen == {"SPARK_SUBMIT_OPTS": "-XX:+UseG1GC"}


def version(options):
    """Return what a JVM that only tells Spark's version says, its log of loaded classes included."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    told = os.environ | {"PATH": path, "SPARK_SUBMIT_OPTS": f"{options} -Xlog:class+load"}
    done = subprocess.run([BIN / "spark-submit", "--version"], env=told, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_spark_s_classes_come_from_the_archive():
    own = [line for line in version(spark_jvm.OPTIONS).splitlines() if "org.apache.spark" in line and "source:" in line]
    assert len(own) > 20
    assert all("shared objects file (top)" in line for line in own if "Lambda" not in line)


def test_a_jvm_without_an_archive_starts_all_the_same(tmp_path):
    options = spark_jvm.OPTIONS.replace(str(spark_jvm.ARCHIVE), str(tmp_path / "none.jsa"))
    assert "source: jar:file" in version(options) or "source: file:" in version(options)


def test_the_archive_that_is_made_is_the_one_that_is_used():
    assert f"-XX:ArchiveClassesAtExit={spark_jvm.ARCHIVE} " in spark_jvm.ARCHIVING
    assert spark_jvm.OPTIONS.endswith(f"-XX:SharedArchiveFile={spark_jvm.ARCHIVE}")
