"""What a test needs of the machine, as marks: where it is not there the test is skipped, and says so."""

import pytest

from skybed.emulator.lanes import host, umlkernel

virtual_time = pytest.mark.skipif(
    umlkernel.built_kernel() is None, reason="`skybed install --kernel` builds the kernel it takes"
)


def program(name, package):
    """A program that a Debian package brings."""
    return pytest.mark.skipif(host.find_tool(name) is None, reason=f"{package} is not installed")
