"""What a real browser makes of a page."""

import subprocess


def shown(page, folder):
    """The document of a file as chromium has it, with a fresh profile in `folder` and no network."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += [f"--user-data-dir={folder}/profile", "--dump-dom"]
    return subprocess.run(
        ["chromium", *options, page.as_uri()], capture_output=True, text=True, timeout=60
    ).stdout
