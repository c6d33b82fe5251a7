"""What tests share; pytest has the folder above on its path (pyproject.toml)."""
