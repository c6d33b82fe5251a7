"""The command line in this process."""

from click.testing import CliRunner

from skybed.scripts.cli.main import main


def skybed(code, *words):
    """What a command that ends with this exit code prints."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output
