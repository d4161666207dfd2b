import pytest

from tosho.config import Settings, SettingsError


def test_defaults_stay_on_this_machine(tmp_path):
    settings = Settings.from_environment({"TOSHO_HOME": str(tmp_path)})
    assert settings.lake == f"file://{tmp_path}/lake"
    assert settings.store.kind == "embedded"
    assert settings.mlflow == f"sqlite:///{tmp_path}/mlflow.db"


def test_environment_round_trip():
    given = {
        "TOSHO_LAKE": "s3://bucket/lake/",
        "TOSHO_S3_ENDPOINT": "http://127.0.0.1:9",
        "TOSHO_S3_SECRET_KEY": "hidden",
        "TOSHO_STORE_KIND": "server",
        "TOSHO_STORE_PORT": "9001",
        "TOSHO_CONTAINER_RUNTIME": "process",
        "TOSHO_CONTAINER_GPUS": "2",
    }
    settings = Settings.from_environment(given)
    assert settings.lake == "s3://bucket/lake"
    assert settings.store.port == 9001
    assert settings.containers.gpus == 2
    assert Settings.from_environment(settings.to_environment()) == settings


def test_secrets_are_not_printed():
    settings = Settings.from_environment({"TOSHO_JQUANTS_API_KEY": "hidden-1", "TOSHO_STORE_PASSWORD": "hidden-2"})
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("TOSHO_CONTAINER_RUNTIME", "podman", "must be one of auto, docker, process"),
        ("TOSHO_JQUANTS_PLAN", "gold", "must be one of free, light, standard, premium"),
        ("TOSHO_STORE_PORT", "nine", "must be a whole number"),
    ],
)
def test_a_wrong_value_is_named(variable, value, sentence):
    with pytest.raises(SettingsError, match=f"{variable} is '{value}'; it {sentence}"):
        Settings.from_environment({variable: value})
