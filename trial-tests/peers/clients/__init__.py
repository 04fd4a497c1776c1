"""What clients from PyPI are made to do. Each script runs in its client's own virtual environment."""
