"""What the subcommands do that need no network of weights; `main.py` calls them."""
