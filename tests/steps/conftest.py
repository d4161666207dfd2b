import pytest

from planted.market import fill, settings_of


@pytest.fixture(scope="module")
def settings(request, tmp_path_factory):
    """Settings of a home of the module's own, whose lake holds the market that the module has drawn."""
    settings = settings_of(tmp_path_factory.mktemp("home"))
    fill(settings, request.module.DRAWN)
    return settings
