"""The command line in this process."""

from subprocess import CompletedProcess

from click.testing import CliRunner

from skybed.scripts.cli.main import main


def skybed(code, *words):
    """What a command that ends with this exit code prints."""
    done = _invoked(words)
    assert done.exit_code == code, done.output
    return done.output


def finished(*words):
    """What a command ended with and printed, as of a process of its own."""
    done = _invoked(words)
    return CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def _invoked(words):
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
